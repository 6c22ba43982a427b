// The story of one pull: look up, check what can be checked before any weight is fetched, fetch, verify, put in place.
// Used by the models command line. Knows no terminal. States of the folder: nothing -> `pulling.json` and `*.part` ->
// all parts whole and verified, renamed -> `pulled.json`. Any stop, kill -9 included, leaves a state that the next pull
// goes on from; an older version of the model stays in use until the new one is whole.

import { mkdirSync } from 'node:fs';
import { rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBeforeWeights } from './check-before-weights.ts';
import { chooseFiles, type FolderKind, planRepo } from './choose-files.ts';
import { downloadFile } from './download-file.ts';
import { type HubFile, type HubRepo, lookUpRepo, readSmallFile } from './hub-repo.ts';
import type { HubAccess } from './hub-request.ts';
import type { RetryNews, RetryRule } from './hub-retry.ts';
import {
  checkSpace,
  filesHere,
  isComplete,
  keepOnlyPartsOf,
  partPath,
  removeSurplus,
  sizeOf,
  sumBytes,
} from './pull-folder.ts';
import { lockFolder } from './pull-lock.ts';
import { type PullRecord, readPullRecord, removePullingRecord, writePullRecord } from './pull-record.ts';

export interface PullRequest {
  /** `org/name` */
  readonly repo: string;
  /** branch, tag or commit */
  readonly revision: string;
  /** where the model's files go */
  readonly folder: string;
  readonly access: HubAccess;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
  /** Tests pass their own. */
  readonly wait?: RetryRule['wait'];
  /** Bytes free for the folder; asked of the file system where left out. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

export type PullEvent =
  | {
      readonly type: 'start';
      readonly commit: string;
      readonly files: number;
      readonly bytesTotal: number;
      readonly bytesHere: number;
    }
  | { readonly type: 'progress'; readonly bytes: number; readonly bytesTotal: number }
  | ({ readonly type: 'retry' } & RetryNews);

export interface PullOutcome {
  readonly kind: FolderKind;
  readonly folder: string;
  readonly repo: string;
  readonly commit: string;
  readonly licence: string | undefined;
  readonly bytesTotal: number;
  /** false: everything was here already */
  readonly changed: boolean;
}

const filesAtOnce = 2;

/** @throws EngineError; the signal's reason when it was aborted, with a folder that the next pull goes on from */
export async function pullModel(request: PullRequest): Promise<PullOutcome> {
  const { folder, access, revision, signal, onEvent } = request;
  const rule: RetryRule = {
    signal,
    wait: request.wait,
    onRetry: (news) => onEvent?.({ type: 'retry', ...news }),
  };
  const repo = await lookUpRepo(access, request.repo, revision, rule);
  const plan = planRepo(repo);
  const outcome = { kind: plan.kind, folder, repo: repo.repo, commit: repo.commit, licence: repo.licence };
  const whole = readPullRecord(folder, 'pulled');
  if (whole?.repo === repo.repo && whole.commit === repo.commit && isComplete(folder, whole))
    return { ...outcome, bytesTotal: sumBytes(whole.files), changed: false };

  const small = new Map<string, Uint8Array>();
  for (const file of plan.checkFirst) small.set(file.path, await readSmallFile(access, repo, file, rule));
  const index = checkBeforeWeights(repo.repo, plan.kind, small);
  const files = chooseFiles(repo, plan, index);
  const bytesTotal = sumBytes(files);

  mkdirSync(folder, { recursive: true });
  const unlock = lockFolder(folder);
  try {
    await keepOnlyPartsOf(folder, files);
    const record = recordOf(request, repo, files);
    const here = await filesHere(folder, files, whole);
    const missing = files.filter((file) => !here.has(file.path));
    await checkSpace(folder, missing, request.freeBytes);
    await writePullRecord(folder, 'pulling', record);
    await downloadAll(request, repo, { files, missing, small }, rule);
    for (const file of missing) await rename(partPath(folder, file), join(folder, file.path));
    await writePullRecord(folder, 'pulled', { ...record, date: new Date().toISOString() });
    await removeSurplus(folder, whole, files);
    await removePullingRecord(folder);
    return { ...outcome, bytesTotal, changed: true };
  } finally {
    unlock();
    await rmdir(folder).catch(() => undefined); // only where nothing came of it: a folder with files stays
  }
}

interface ToDownload {
  readonly files: readonly HubFile[];
  /** those that are not in place */
  readonly missing: readonly HubFile[];
  /** contents that were fetched to be checked */
  readonly small: ReadonlyMap<string, Uint8Array>;
}

/** Leaves every missing file whole in its part. */
async function downloadAll(
  { folder, access, signal, onEvent }: PullRequest,
  repo: HubRepo,
  { files, missing, small }: ToDownload,
  rule: RetryRule,
): Promise<void> {
  const bytesTotal = sumBytes(files);
  const onDisk = new Map(
    files.map((file) => [
      file.path,
      missing.includes(file) ? (sizeOf(partPath(folder, file)) ?? 0) : file.size,
    ]),
  );
  const bytes = (): number => [...onDisk.values()].reduce((sum, size) => sum + size, 0);
  onEvent?.({ type: 'start', commit: repo.commit, files: files.length, bytesTotal, bytesHere: bytes() });
  for (const file of missing) {
    const content = small.get(file.path);
    if (content !== undefined) await writeFile(partPath(folder, file), content);
  }
  // The first file that fails for good stops the others, which keep what they have.
  const failed = new AbortController();
  const shared: RetryRule = {
    ...rule,
    signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
  };
  const queue = missing.values();
  const runner = async (): Promise<void> => {
    for (const file of queue)
      await downloadFile({
        access,
        repo,
        file,
        part: partPath(folder, file),
        rule: shared,
        onBytes: (size) => {
          onDisk.set(file.path, size);
          onEvent?.({ type: 'progress', bytes: bytes(), bytesTotal });
        },
      });
  };
  const guarded = async (): Promise<void> => {
    try {
      await runner();
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: filesAtOnce }, guarded));
  signal?.throwIfAborted();
  if (results.some(({ status }) => status === 'rejected')) throw failed.signal.reason;
}

function recordOf({ access, revision }: PullRequest, repo: HubRepo, files: readonly HubFile[]): PullRecord {
  return {
    repo: repo.repo,
    endpoint: access.endpoint,
    revision,
    commit: repo.commit,
    licence: repo.licence ?? null,
    date: new Date().toISOString(),
    files: files.map(({ path, size, checksum }) => ({ path, size, checksum: { ...checksum } })),
  };
}
