// How many tokens and bytes the held-out texts of a corpus have, by source: what turns nats per token into bits per
// byte, which compares models of different tokenizers. Used by make-base-cli.ts. Knows token files only.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelTokenizer } from '../model/tokenizer.ts';
import { readTokenFile } from './token-windows.ts';

interface TextSize {
  readonly tokens: number;
  /** UTF-8 bytes of the text, special tokens left out. */
  readonly bytes: number;
}

/** @param endIds tokens that end a document or a turn: the ids are decoded piece by piece between them. */
export function heldOutSizes(
  corpusDir: string,
  tokenizer: ModelTokenizer,
  endIds: readonly number[],
): ReadonlyMap<string, TextSize> {
  const sizes = new Map<string, TextSize>();
  for (const file of readdirSync(corpusDir)) {
    const source = /^valid-(.+)\.u16$/.exec(file)?.[1];
    if (source === undefined) continue;
    const ids = readTokenFile(join(corpusDir, file));
    let bytes = 0;
    let piece: number[] = [];
    for (const id of ids) {
      piece.push(id);
      if (!endIds.includes(id)) continue;
      bytes += Buffer.byteLength(tokenizer.decode(piece));
      piece = [];
    }
    bytes += Buffer.byteLength(tokenizer.decode(piece));
    sizes.set(source, { tokens: ids.length, bytes });
  }
  return sizes;
}

/** Nats per token of a text of that size, in bits per byte. */
export function bitsPerByte(natsPerToken: number, { tokens, bytes }: TextSize): number {
  return (natsPerToken * tokens) / bytes / Math.LN2;
}
