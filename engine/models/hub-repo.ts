// What the hub says of a model: the commit of a revision, its files with sizes and checksums, its licence. And small
// files of it, into memory. Used by pull-model.ts. Knows the hub's answers and nothing of what serving needs.
// Answer of GET /api/models/{repo}/revision/{revision}?blobs=true: {sha, cardData: {license}, siblings: [{rfilename,
// size, blobId, lfs?: {sha256, size}}]}. Checked in full: a field that is not as expected is refused, never guessed.

import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { type Checksum, checksumOf } from './checksum.ts';
import { type HubAccess, hubGet } from './hub-request.ts';
import { type RetryRule, withRetries } from './hub-retry.ts';

export interface HubFile {
  readonly path: string;
  /** bytes */
  readonly size: number;
  readonly checksum: Checksum;
}

export interface HubRepo {
  readonly repo: string;
  /** 40 hex digits; files are fetched at this commit, so they cannot change half-way */
  readonly commit: string;
  /** as the model card declares it, `apache-2.0`; undefined where it declares none */
  readonly licence: string | undefined;
  readonly files: readonly HubFile[];
}

const sha1 = z.string().regex(/^[0-9a-f]{40}$/);
const answerSchema = z.object({
  sha: sha1,
  cardData: z.object({ license: z.unknown(), license_name: z.unknown() }).partial().nullish(),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().int().nonnegative(),
      blobId: sha1,
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int() }).nullish(),
    }),
  ),
});

/** The first request finds out whether there is a hub at all: who is offline should hear it at once. */
const offlineCodes: ReadonlySet<string> = new Set(['hub_unreachable']);
const answerBytesMax = 64 * 2 ** 20;
/** config, tokenizer and index files that are read before any weight; the largest known tokenizer.json has 34 MB */
const smallFileBytesMax = 128 * 2 ** 20;

/** @throws EngineError as hubGet, or `hub_answer_malformed` */
export async function lookUpRepo(
  access: HubAccess,
  repo: string,
  revision: string,
  rule: RetryRule,
): Promise<HubRepo> {
  const path = `/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const bytes = await withRetries(
    async () => {
      const { body } = await hubGet({ access, repo, revision, path, signal: rule.signal });
      return readAll(body, answerBytesMax, access.endpoint);
    },
    { ...rule, finalCodes: offlineCodes },
  );
  const parsed = answerSchema.safeParse(parseJson(bytes));
  if (!parsed.success)
    throw malformed(access.endpoint, parsed.error.issues[0]?.path.join('.') || 'the whole answer');
  const { sha, cardData, siblings } = parsed.data;
  const licence = cardData?.license === 'other' ? cardData.license_name : cardData?.license;
  return {
    repo,
    commit: sha,
    licence: typeof licence === 'string' && licence !== '' ? licence.slice(0, 100) : undefined,
    files: siblings.map(({ rfilename, size, blobId, lfs }) => ({
      path: rfilename,
      size: lfs?.size ?? size,
      checksum: lfs ? { kind: 'sha256', hex: lfs.sha256 } : { kind: 'git-sha1', hex: blobId },
    })),
  };
}

/** Path of one file's bytes at a commit, under the endpoint. */
export function filePath(repo: HubRepo, file: HubFile): string {
  return `/${repo.repo}/resolve/${repo.commit}/${encodeURIComponent(file.path)}`;
}

/** One small file, verified. @throws EngineError as hubGet, `hub_answer_malformed` or `download_corrupt` */
export async function readSmallFile(
  access: HubAccess,
  repo: HubRepo,
  file: HubFile,
  rule: RetryRule,
): Promise<Uint8Array> {
  const bytes = await withRetries(async () => {
    const { body } = await hubGet({
      access,
      repo: repo.repo,
      revision: repo.commit,
      path: filePath(repo, file),
      signal: rule.signal,
    });
    return readAll(body, smallFileBytesMax, access.endpoint);
  }, rule);
  const running = checksumOf(file.checksum.kind, file.size);
  running.update(bytes);
  if (bytes.length !== file.size || running.hex() !== file.checksum.hex)
    throw new EngineError(`${file.path} is not what the hub's list promises (checksum)`, {
      code: 'download_corrupt',
      retry: 'safe',
    });
  return bytes;
}

async function readAll(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  endpoint: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) throw malformed(endpoint, `more than ${bytesMax} bytes`);
  }
  return Buffer.concat(chunks);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function malformed(endpoint: string, what: string): EngineError {
  return new EngineError(`${endpoint} answered in a form this program does not know: ${what}`, {
    code: 'hub_answer_malformed',
    retry: 'never',
  });
}
