// The loss of a model on held-out token files, every token once, in bits per byte of text: what compares models of
// different tokenizers. Used by export-base.ts for the base model's card. Knows token files and documents only.
// A document is read from its beginning, with nothing but the end of the one before in sight; a long one in windows that
// overlap by half, so that a token is judged with at least half a window before it, or all of its document.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import type { ModelTokenizer } from '../model/tokenizer.ts';
import { readTokenFile } from './token-windows.ts';
import { createTrainingSession, type TrainingSession } from './training-session.ts';

export interface HeldOutLoss {
  readonly source: string;
  readonly tokens: number;
  /** UTF-8 bytes of the text, special tokens left out. */
  readonly bytes: number;
  readonly natsPerToken: number;
  /** Of all tokens, those that end a turn or a document included, over the bytes of the text alone. */
  readonly bitsPerByte: number;
}

interface HeldOutModel {
  readonly config: LlamaConfig;
  readonly weights: TensorMap;
  readonly tokenizer: ModelTokenizer;
  readonly threads: number;
}

/** One row of a batch: ids, of which those from `scoredFrom` on are predicted and counted. */
interface Window {
  readonly ids: readonly number[];
  readonly scoredFrom: number;
}

const rowsPerRun = 4;

/** @returns one entry for each `valid-<source>.u16` that holds a document, by source name. */
export async function heldOutLosses(corpusDir: string, model: HeldOutModel): Promise<readonly HeldOutLoss[]> {
  const { config, weights, threads } = model;
  const session = await createTrainingSession({
    ...{ config, weights, threads, batch: rowsPerRun, seq: config.maxSeq },
    gradients: 'none',
  });
  const losses: HeldOutLoss[] = [];
  try {
    for (const file of readdirSync(corpusDir).sort()) {
      const source = /^valid-(.+)\.u16$/.exec(file)?.[1];
      const ids = source === undefined ? new Uint16Array() : readTokenFile(join(corpusDir, file));
      if (source === undefined || ids.length === 0) continue;
      const documents = documentsOf(ids, config.eosIds[0]);
      const nats = await sumOfLosses(
        session,
        documents.flatMap((document) => windowsOf(document, config.maxSeq, config.eosIds[0])),
        config.maxSeq,
      );
      const bytes = documents.reduce(
        (sum, document) => sum + textBytes(document, config, model.tokenizer),
        0,
      );
      const natsPerToken = nats / ids.length;
      losses.push({
        ...{ source, tokens: ids.length, bytes, natsPerToken },
        bitsPerByte: nats / Math.LN2 / bytes,
      });
    }
  } finally {
    await session.release();
  }
  return losses;
}

/** Each with its end-of-sequence token. */
function documentsOf(ids: Uint16Array, endId: number): readonly (readonly number[])[] {
  const documents: number[][] = [];
  let document: number[] = [];
  for (const id of ids) {
    document.push(id);
    if (id !== endId) continue;
    documents.push(document);
    document = [];
  }
  if (document.length > 0) documents.push(document);
  return documents;
}

/** Windows of at most `seq` predictions that together predict every token of the document once. */
export function windowsOf(document: readonly number[], seq: number, endId: number): readonly Window[] {
  const ids = [endId, ...document];
  const windows: Window[] = [{ ids: ids.slice(0, seq + 1), scoredFrom: 1 }];
  const overlap = Math.floor(seq / 2);
  for (let done = seq + 1; done < ids.length; ) {
    const until = Math.min(ids.length, done + seq - overlap);
    windows.push({ ids: ids.slice(until - seq - 1, until), scoredFrom: done - (until - seq - 1) });
    done = until;
  }
  return windows;
}

async function sumOfLosses(
  session: TrainingSession,
  windows: readonly Window[],
  seq: number,
): Promise<number> {
  let sum = 0;
  for (let from = 0; from < windows.length; from += rowsPerRun) {
    const rows = windows.slice(from, from + rowsPerRun);
    const ids = new BigInt64Array(rowsPerRun * seq);
    const labels = new BigInt64Array(rowsPerRun * seq);
    const weights = new Float32Array(rowsPerRun * seq);
    rows.forEach((window, row) => {
      for (let i = 0; i + 1 < window.ids.length; i++) {
        ids[row * seq + i] = BigInt(window.ids[i]);
        labels[row * seq + i] = BigInt(window.ids[i + 1]);
        if (i + 1 >= window.scoredFrom) weights[row * seq + i] = 1;
      }
    });
    const { nll } = await session.run({ ids, labels, weights });
    for (let i = 0; i < nll.length; i++) sum += nll[i] * weights[i];
  }
  return sum;
}

/** Turn by turn, as the text was encoded. */
function textBytes(document: readonly number[], { eosIds }: LlamaConfig, tokenizer: ModelTokenizer): number {
  let bytes = 0;
  let piece: number[] = [];
  for (const id of document) {
    piece.push(id);
    if (!eosIds.includes(id)) continue;
    bytes += Buffer.byteLength(tokenizer.decode(piece));
    piece = [];
  }
  return bytes + Buffer.byteLength(tokenizer.decode(piece));
}
