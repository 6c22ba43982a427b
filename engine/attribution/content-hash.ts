// SHA-256 of files and of folders' named files, as lowercase hex. Used by the gradient store to say exactly which base,
// adapter and examples it was made from. Knows nothing of their contents.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';

export function hashBytes(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Reads the file in pieces of 4 MB. @throws EngineError `file_unreadable` */
export function hashFile(path: string): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(4 << 20);
  try {
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const size = readSync(file, piece);
        if (size === 0) return hash.digest('hex');
        hash.update(piece.subarray(0, size));
      }
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
}

/**
 * One hash over the files of a model or adapter folder that decide what it computes: weights, configuration,
 * tokenizer, chat template. Cards, checkpoints and the like may change freely.
 */
export function hashModelFolder(folder: string): string {
  const files = readdirSync(folder)
    .filter((name) =>
      /^(adapter_)?model.*\.safetensors$|config\.json$|^tokenizer\.json$|^chat_template\.jinja$/.test(name),
    )
    .sort();
  return hashBytes(files.map((name) => `${name} ${hashFile(join(folder, name))}\n`).join(''));
}
