// A span index in a folder. Written by the span builder's child process, opened by the span worker. It knows words and
// opaque ids; no people.
//
//   meta.json      sizes and sha256 of the files below; its own sha256 is the index's hash
//   tokens.bin     uint16 or uint32 [tokens]      suffixes.bin  uint32 [tokens]
//   first.bin      uint32 [words + 2]             begins.bin    uint32 [examples + 1]        (all little-endian)
//   sample.bin     uint32 [tokens / 64, 4]: the first four tokens of every 64th suffix
//   words.txt      a word a line, sorted          ids.json      ids of the examples
//
// Node maps no files into memory, so tokens and suffixes stay on disk and are read where they are needed (positioned
// reads; the system's page cache keeps what is read often); the rest, an eighth or so, is held. The sample decides most
// steps of a binary search without a read.
// Invariants: an index appears whole or not at all (written beside, then renamed); the same examples give the same bytes;
// files whose sizes do not fit meta.json are refused. Contents are not hashed at opening: spans are evidence, not money.
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../../errors.ts';
import { bytesOf, hashBytes } from '../content-hash.ts';
import { writeWholeFolder } from '../whole-folder.ts';
import { exampleAtPlace, firstWhere, type SpanArrays, type SpanIndex, wordNumber } from './span-index.ts';

const sampleEvery = 64;
const sampleTokens = 4;

const size = z.number().int().nonnegative();
const metaSchema = z.object({
  format: z.literal('span-index/1'),
  tokens: size,
  tokenBytes: z.union([z.literal(2), z.literal(4)]),
  words: size,
  examples: size,
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
type SpanMeta = z.infer<typeof metaSchema>;

export interface OpenSpanIndex extends SpanIndex {
  readonly indexHash: string;
  close(): void;
}

/** Writes an index and returns its hash. An older one in the folder is replaced. @throws EngineError `span_index_unwritable` */
export function writeSpanIndex(folder: string, arrays: SpanArrays): string {
  if (endianness() !== 'LE') throw new Error('span indexes are little-endian, this machine is not');
  const { tokens, suffixes, first, begins, words, exampleIds } = arrays;
  const tokenBytes = words.length < 2 ** 16 ? 2 : 4;
  const contents: Readonly<Record<string, Uint8Array | string>> = {
    'tokens.bin': bytesOf(tokenBytes === 2 ? Uint16Array.from(tokens) : tokens),
    'suffixes.bin': bytesOf(suffixes),
    'first.bin': bytesOf(first),
    'begins.bin': bytesOf(begins),
    'sample.bin': bytesOf(sampleOf(tokens, suffixes)),
    'words.txt': words.join('\n'),
    'ids.json': JSON.stringify(exampleIds),
  };
  const meta: SpanMeta = {
    format: 'span-index/1',
    tokens: tokens.length,
    tokenBytes,
    words: words.length,
    examples: exampleIds.length,
    files: Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, hashBytes(content)])),
  };
  const metaBytes = `${JSON.stringify(meta, undefined, 1)}\n`;
  writeWholeFolder(
    folder,
    { ...contents, 'meta.json': metaBytes },
    { code: 'span_index_unwritable', message: `cannot write the span index ${folder}` },
  );
  return hashBytes(metaBytes);
}

/** The hash of an index without opening it. @throws EngineError `span_index_missing` */
export function spanIndexHashOf(folder: string): string {
  return hashBytes(readPart(folder, 'meta.json'));
}

/** Holds two files open until close(). @throws EngineError `span_index_missing` | `span_index_malformed` */
export function openSpanIndex(folder: string): OpenSpanIndex {
  const metaBytes = readPart(folder, 'meta.json');
  const meta = parseMeta(metaBytes, folder);
  const first = numbersOf(folder, 'first.bin', meta.words + 2);
  const begins = numbersOf(folder, 'begins.bin', meta.examples + 1);
  const sample = numbersOf(folder, 'sample.bin', Math.ceil(meta.tokens / sampleEvery) * sampleTokens);
  const words = meta.words === 0 ? [] : readPart(folder, 'words.txt').toString('utf8').split('\n');
  const exampleIds = parseIds(readPart(folder, 'ids.json'), folder);
  if (words.length !== meta.words || exampleIds.length !== meta.examples)
    throw malformed(folder, 'words.txt or ids.json does not fit meta.json');
  const tokens = openNumbers(folder, 'tokens.bin', meta.tokens, meta.tokenBytes);
  let suffixes: NumberFile;
  try {
    suffixes = openNumbers(folder, 'suffixes.bin', meta.tokens, 4);
  } catch (error) {
    tokens.close();
    throw error;
  }
  return {
    indexHash: hashBytes(metaBytes),
    exampleIds,
    tokenCount: meta.tokens,
    numberOf: (key) => wordNumber(words, key),
    firstRank: (word) => first[word],
    places: (from, to) => suffixes.read(from, to - from),
    tokens: (place, count) => tokens.read(place, Math.max(0, Math.min(count, meta.tokens - place))),
    exampleAt: (place) => exampleAtPlace(begins, place),
    narrow(low, high, isBefore) {
      const next = firstWhere(Math.ceil(low / sampleEvery), Math.ceil(high / sampleEvery), (i) => {
        const firstTokens = sample.subarray(i * sampleTokens, (i + 1) * sampleTokens);
        return !isBefore(firstTokens, i * sampleEvery);
      });
      return {
        low: Math.max(low, (next - 1) * sampleEvery + 1),
        high: Math.min(high, next * sampleEvery),
      };
    },
    close() {
      tokens.close();
      suffixes.close();
    },
  };
}

/** Beyond the end: zeros, as the end of a text. */
function sampleOf(tokens: Uint32Array, suffixes: Uint32Array): Uint32Array {
  const sample = new Uint32Array(Math.ceil(suffixes.length / sampleEvery) * sampleTokens);
  for (let rank = 0; rank < suffixes.length; rank += sampleEvery)
    sample.set(
      tokens.subarray(suffixes[rank], suffixes[rank] + sampleTokens),
      (rank / sampleEvery) * sampleTokens,
    );
  return sample;
}

function parseMeta(bytes: Buffer, folder: string): SpanMeta {
  try {
    return metaSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw malformed(folder, 'meta.json does not describe a span index', cause);
  }
}

function parseIds(bytes: Buffer, folder: string): readonly string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw malformed(folder, 'ids.json is no list of ids', cause);
  }
}

function readPart(folder: string, name: string): Buffer {
  try {
    return readFileSync(join(folder, name));
  } catch (cause) {
    throw missing(folder, cause);
  }
}

function numbersOf(folder: string, name: string, count: number): Uint32Array {
  const bytes = readPart(folder, name);
  if (bytes.byteLength !== count * 4) throw malformed(folder, `${name} has ${bytes.byteLength} bytes`);
  return new Uint32Array(new Uint8Array(bytes).buffer); // a copy: a small buffer lies anywhere in a shared one
}

interface NumberFile {
  /** Numbers [from, from + count) of the file. */
  read(from: number, count: number): Uint32Array;
  close(): void;
}

function openNumbers(folder: string, name: string, count: number, bytesEach: 2 | 4): NumberFile {
  const path = join(folder, name);
  let file: number;
  let found: number;
  try {
    file = openSync(path, 'r');
    found = statSync(path).size;
  } catch (cause) {
    throw missing(folder, cause);
  }
  if (found !== count * bytesEach) {
    closeSync(file);
    throw malformed(folder, `${name} has ${found} bytes`);
  }
  return {
    read(from, wanted) {
      const numbers = bytesEach === 2 ? new Uint16Array(wanted) : new Uint32Array(wanted);
      const bytes = bytesOf(numbers);
      if (readSync(file, bytes, 0, bytes.byteLength, from * bytesEach) !== bytes.byteLength)
        throw malformed(folder, `${name} ends early`);
      return numbers instanceof Uint32Array ? numbers : Uint32Array.from(numbers);
    },
    close: () => closeSync(file),
  };
}

const missing = (folder: string, cause: unknown): EngineError =>
  new EngineError(`no span index in ${folder}`, { code: 'span_index_missing', retry: 'never', cause });

const malformed = (folder: string, what: string, cause?: unknown): EngineError =>
  new EngineError(`${folder}: ${what}`, { code: 'span_index_malformed', retry: 'never', cause });
