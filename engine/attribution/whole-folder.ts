// Folders that appear whole or not at all: written beside, then renamed. Used by gradient-store.ts and spans/span-index-file.ts.
// It knows files and bytes.
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../errors.ts';

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
  const beside = join(dirname(folder), `.${randomUUID()}.tmp`);
  try {
    mkdirSync(beside, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(beside, name), content);
    rmSync(folder, { recursive: true, force: true });
    renameSync(beside, folder);
  } catch (cause) {
    rmSync(beside, { recursive: true, force: true });
    throw new EngineError(fault.message, { code: fault.code, retry: 'safe', cause });
  }
}
