// Folders that appear whole or not at all: written beside, then renamed. Used by the stores' and span indexes' writers.
// It knows files and bytes. A process that is killed leaves what it wrote so far: whoever writes that folder next removes it.
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EngineError } from '../errors.ts';
import { inPieces } from './content-hash.ts';

/**
 * Writes the files into the folder; an older folder of that name is replaced.
 * @param fault what it is called when that fails (retry 'safe')
 * @throws EngineError of `fault`
 */
export function writeWholeFolder(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  fault: { readonly code: string; readonly message: string },
): void {
  const beside = folderBeside(folder);
  try {
    mkdirSync(beside, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeWhole(join(beside, name), content);
    rmSync(folder, { recursive: true, force: true });
    renameSync(beside, folder);
  } catch (cause) {
    rmSync(beside, { recursive: true, force: true });
    throw new EngineError(fault.message, { code: fault.code, retry: 'safe', cause });
  }
}

/** A name to write the folder under until it is whole. Removes what processes that are no more left under such names. */
export function folderBeside(folder: string): string {
  removeLeftBeside(folder);
  return join(dirname(folder), `.${basename(folder)}.${process.pid}.${randomUUID()}.tmp`);
}

/** Removes what processes that are no more left of writing the folder. */
export function removeLeftBeside(folder: string): void {
  const [place, name] = [dirname(folder), basename(folder)];
  for (const found of namesIn(place)) {
    const owner = found.startsWith(`.${name}.`) ? /\.(\d+)\.[0-9a-f-]{36}\.tmp$/.exec(found) : null;
    const isLeft = owner !== null && found === `.${name}${owner[0]}` && !isOtherAlive(Number(owner[1]));
    if (isLeft) rmSync(join(place, found), { recursive: true, force: true });
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not there yet, or no folder: writing will tell
  }
}

/** This process writes a folder once at a time, so what bears its own number is of an earlier life. */
function isOtherAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (fault) {
    return fault instanceof Error && 'code' in fault && fault.code === 'EPERM';
  }
}

function writeWhole(path: string, content: Uint8Array | string): void {
  const file = openSync(path, 'wx');
  try {
    for (const piece of inPieces(content)) {
      const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    }
  } finally {
    closeSync(file);
  }
}
