// The files of a pull on disk: what is here, what is begun, what fits, what is left over. Used by pull-model.ts and
// list. It knows no network. Invariant: a part is kept only while the hub lists the same bytes for its name.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumOfFile } from './checksum.ts';
import { requireFreeBytes } from './free-space.ts';
import type { HubFile } from './hub-repo.ts';
import { type PullRecord, readPullRecord } from './pull-record.ts';

/** Every file of the record is here with its size. Cheap: nothing is read. */
export function isComplete(folder: string, record: PullRecord): boolean {
  return (
    !existsSync(join(folder, 'pulling.json')) &&
    record.files.every((file) => sizeOf(join(folder, file.path)) === file.size)
  );
}

/** Names of the wanted files that are in place: as the last pull recorded, or, where it says nothing, by their checksum. */
export async function filesHere(
  folder: string,
  files: readonly HubFile[],
  whole: PullRecord | undefined,
): Promise<ReadonlySet<string>> {
  const recorded = new Map(whole?.files.map((file) => [file.path, file.checksum.hex]));
  const here = new Set<string>();
  for (const { path, size, checksum } of files) {
    if (sizeOf(join(folder, path)) !== size) continue;
    const hex =
      recorded.get(path) === checksum.hex
        ? checksum.hex
        : await checksumOfFile(join(folder, path), checksum.kind, size);
    if (hex === checksum.hex) here.add(path);
  }
  return here;
}

/** Parts of an interrupted pull are of use only while the hub still lists the same bytes for that name. */
export async function keepOnlyPartsOf(folder: string, files: readonly HubFile[]): Promise<void> {
  const begun = new Map(
    readPullRecord(folder, 'pulling')?.files.map(({ path, checksum }) => [path, checksum.hex]),
  );
  const useful = new Set(
    files
      .filter(({ path, checksum }) => begun.get(path) === checksum.hex)
      .map((file) => partPath(folder, file)),
  );
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.part') && !useful.has(path)) await rm(path);
  }
}

/**
 * @param missing files that are not in place; their parts count as had
 * @throws EngineError `disk_full` with both figures
 */
export async function checkSpace(
  folder: string,
  missing: readonly HubFile[],
  freeBytes?: (folder: string) => Promise<number>,
): Promise<void> {
  const needed = missing.reduce((sum, file) => sum + file.size - (sizeOf(partPath(folder, file)) ?? 0), 0);
  await requireFreeBytes(folder, needed, freeBytes);
}

/** An older version may have had files that the new one lacks; a stale shard beside a new index would be a trap. */
export async function removeSurplus(
  folder: string,
  before: PullRecord | undefined,
  files: readonly HubFile[],
): Promise<void> {
  const wanted = new Set(files.map(({ path }) => path));
  for (const { path } of before?.files ?? [])
    if (!wanted.has(path) && /^[\w][\w.-]*$/.test(path)) await rm(join(folder, path), { force: true });
}

/** Undefined where there is none. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Of all files. */
export function sumBytes(files: readonly { readonly size: number }[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** Where a file is while it arrives. */
export function partPath(folder: string, file: HubFile): string {
  return join(folder, `${file.path}.part`);
}
