// SHA-256 of files and of folders' named files, as lowercase hex. Used by the gradient store to say exactly which base,
// adapter and examples it was made from. Knows nothing of their contents.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';

/** Node hashes and writes less than 2 GiB at a time; a store's rows may be more. */
const pieceBytes = 2 ** 30;

export function hashBytes(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) for (const piece of inPieces(part)) hash.update(piece);
  return hash.digest('hex');
}

/** The bytes of a typed array, not a copy. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Views of at most 1 GiB, in order; a text as it is. Also what whole-folder.ts writes by. */
export function* inPieces(content: string | Uint8Array): Generator<string | Uint8Array> {
  if (typeof content === 'string') yield content;
  else for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
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
