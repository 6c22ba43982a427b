// One file from the hub to disk: into `part`, from where an earlier run stopped, verified. Used by pull-model.ts.
// Knows no models. Invariants: what is on disk is never fetched again; the checksum covers every byte on disk, those of
// earlier runs included; a whole file with a wrong checksum is thrown away. The caller renames `part`.
// If an earlier run's bytes turn out wrong (a disk that lost its cache), the file is fetched once more from the start.

import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { EngineError } from '../errors.ts';
import { checksumOf } from './checksum.ts';
import { filePath, type HubFile, type HubRepo } from './hub-repo.ts';
import { type HubAccess, hubGet } from './hub-request.ts';
import { type RetryRule, withRetries } from './hub-retry.ts';

interface Download {
  readonly access: HubAccess;
  readonly repo: HubRepo;
  readonly file: HubFile;
  readonly part: string;
  readonly rule: RetryRule;
  /** Bytes of the file on disk now; may fall back when bytes are thrown away. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Leaves the whole verified file at `part`. Aborting the rule's signal rejects with its reason; `part` stays.
 * @throws EngineError `download_corrupt` | `disk_full` | as hubGet
 */
export async function downloadFile(download: Download): Promise<void> {
  const { file, part } = download;
  const handle = await open(part, 'a+');
  try {
    const resumed = await resumeFrom(download, handle);
    await fetchRest(download, handle, resumed);
    if (resumed.checksum.hex() === file.checksum.hex) return await handle.sync();
    if (resumed.from > 0) {
      await handle.truncate(0);
      const fresh = { from: 0, bytes: 0, checksum: checksumOf(file.checksum.kind, file.size) };
      await fetchRest(download, handle, fresh);
      if (fresh.checksum.hex() === file.checksum.hex) return await handle.sync();
    }
    await rm(part);
    throw corrupt(file, 'its checksum is not the one the hub lists; thrown away');
  } catch (error) {
    throw diskFault(error, part);
  } finally {
    await handle.close();
  }
}

/** The file so far. Mutable: one writer, one file. */
interface FileSoFar {
  /** bytes of an earlier run that it began with */
  readonly from: number;
  bytes: number;
  checksum: ReturnType<typeof checksumOf>;
}

async function resumeFrom({ file, part }: Download, handle: FileHandle): Promise<FileSoFar> {
  const { size } = await handle.stat();
  // Longer than the file can only be something else.
  const from = size <= file.size ? size : 0;
  if (from !== size) await handle.truncate(0);
  const checksum = checksumOf(file.checksum.kind, file.size);
  if (from > 0) for await (const chunk of createReadStream(part, { end: from - 1 })) checksum.update(chunk);
  return { from, bytes: from, checksum };
}

async function fetchRest(download: Download, handle: FileHandle, soFar: FileSoFar): Promise<void> {
  download.onBytes(soFar.bytes);
  await withRetries(
    async () => {
      if (soFar.bytes < download.file.size) await fetchOnce(download, handle, soFar);
    },
    download.rule,
    () => soFar.bytes,
  );
}

async function fetchOnce(download: Download, handle: FileHandle, soFar: FileSoFar): Promise<void> {
  const { access, repo, file, rule, onBytes } = download;
  const { status, headers, body } = await hubGet({
    access,
    repo: repo.repo,
    revision: repo.commit,
    path: filePath(repo, file),
    from: soFar.bytes,
    signal: rule.signal,
  });
  const startsAt = status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) : 0;
  if (status === 416 || (status === 206 && startsAt !== soFar.bytes)) {
    for await (const _ of body) break;
    throw corrupt(
      file,
      `the hub answers ${status} ${headers.get('content-range') ?? ''} for its byte ${soFar.bytes}`,
    );
  }
  if (startsAt === 0 && soFar.bytes > 0) {
    // This server knows no ranges: all over again.
    await handle.truncate(0);
    soFar.bytes = 0;
    soFar.checksum = checksumOf(file.checksum.kind, file.size);
  }
  for await (const chunk of body) {
    if (soFar.bytes + chunk.length > file.size)
      throw corrupt(file, `more than its ${file.size} bytes arrive`);
    await handle.appendFile(chunk);
    soFar.checksum.update(chunk);
    soFar.bytes += chunk.length;
    onBytes(soFar.bytes);
  }
  if (soFar.bytes < file.size)
    throw new EngineError(`the connection ended at byte ${soFar.bytes} of ${file.size} of ${file.path}`, {
      code: 'hub_connection_lost',
      retry: 'safe',
    });
}

function corrupt(file: HubFile, what: string): EngineError {
  return new EngineError(`${file.path}: ${what}`, { code: 'download_corrupt', retry: 'never' });
}

function diskFault(error: unknown, part: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new EngineError(`the disk is full while writing ${part}; what is there stays for the next pull`, {
    code: 'disk_full',
    retry: 'never',
    cause: error,
  });
}
