// A PEFT folder on disk -> a packed adapter, without holding up the thread that serves: reads are asynchronous, packing
// pauses between pieces. Used by adapter-pool.ts. It knows no budget and no requests.
// Invariants: a file is checked by its header before its values are read, so a wrong or huge file costs nothing; a file
// is read once, and its F32 tensors are packed straight from the bytes read.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError } from '../errors.ts';
import { adapterError, parseAdapterSettings, rankMaxOf } from '../model/adapter-settings.ts';
import { float32FromBfloat16, float32FromHalf } from '../model/half-float.ts';
import { parseJsonText } from '../model/json-file.ts';
import { adapterOf, adapterPaths, matchLoraTensors } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { NamedTensor } from '../model/safetensors.ts';
import {
  parseSafetensorsHeader,
  type SafetensorsEntry,
  safetensorsDataStart,
  safetensorsMalformed,
} from '../model/safetensors-header.ts';
import { packInSteps } from './pack-adapter.ts';
import type { PackedAdapter } from './packed-adapter.ts';

/** Memory that reads reuse; one read at a time. */
export interface ReadBuffer {
  bytes: Uint8Array;
}

export interface ReadAdapterInput {
  readonly key: string;
  readonly folder: string;
  readonly config: LlamaConfig;
  /** A larger rank is refused. */
  readonly rankMax: number;
  readonly buffer: ReadBuffer;
}

/** Holds the header of most adapters, and small adapters whole. */
const firstReadBytes = 1 << 16;

/** Values packed before others get a turn: a few milliseconds. */
const valuesPerTurn = 1 << 20;

/**
 * @throws EngineError `adapter_rank_too_large` | `adapter_not_finite` | as loadLoraAdapter
 */
export async function readAdapter(input: ReadAdapterInput): Promise<PackedAdapter> {
  const { key, folder, config, rankMax, buffer } = input;
  const paths = adapterPaths(folder);
  const text = await guarded(paths.settings, () => readFile(paths.settings, 'utf8'));
  const settings = parseAdapterSettings(parseJsonText(text, paths.settings), paths.settings);
  const rank = rankMaxOf(settings);
  if (rank > rankMax)
    throw adapterError(
      'adapter_rank_too_large',
      paths.settings,
      `rank ${rank}, at most ${rankMax} are served`,
    );
  const file = await guarded(paths.weights, () => open(paths.weights, 'r'));
  try {
    const fileBytes = (await guarded(paths.weights, () => file.stat())).size;
    let known = Math.min(firstReadBytes, fileBytes);
    await readInto(file, buffer, 0, known, paths.weights);
    const dataStart = safetensorsDataStart(buffer.bytes.subarray(0, known), fileBytes, paths.weights);
    if (dataStart > known) {
      await readInto(file, buffer, known, dataStart, paths.weights);
      known = dataStart;
    }
    const entries = parseSafetensorsHeader(buffer.bytes.subarray(0, known), fileBytes, paths.weights);
    const { tensors, targets } = matchLoraTensors(entries, settings, config, folder);
    await readInto(file, buffer, known, fileBytes, paths.weights);
    const weights = new Map<string, NamedTensor>();
    for (const [name, entry] of tensors)
      weights.set(name, { shape: entry.shape, data: floatsOf(buffer.bytes, entry) });

    const steps = packInSteps(key, config, adapterOf(settings, targets, weights), paths.weights);
    for (let paused = 0; ; ) {
      const step = steps.next();
      if (step.done) return step.value;
      if (step.value - paused < valuesPerTurn) continue;
      paused = step.value;
      await turn();
    }
  } finally {
    await file.close();
  }
}

/** Bytes from..end of the file into the same place of the buffer, which grows and keeps what it holds. */
async function readInto(
  file: FileHandle,
  buffer: ReadBuffer,
  from: number,
  end: number,
  path: string,
): Promise<void> {
  if (buffer.bytes.byteLength < end) {
    const larger = new Uint8Array(end);
    larger.set(buffer.bytes.subarray(0, from));
    buffer.bytes = larger;
  }
  const { bytes } = buffer;
  for (let at = from; at < end; ) {
    const { bytesRead } = await guarded(path, () => file.read(bytes, at, end - at, at));
    if (bytesRead === 0) throw safetensorsMalformed(path, `ends at byte ${at} while it is being read`);
    at += bytesRead;
  }
}

/** A view where the bytes allow one, else a copy. */
function floatsOf(bytes: Uint8Array, { dtype, start, end }: SafetensorsEntry): Float32Array {
  const width = dtype === 'F32' ? 4 : 2;
  const isAligned = (bytes.byteOffset + start) % width === 0;
  const own = isAligned ? bytes.subarray(start, end) : bytes.slice(start, end);
  if (dtype === 'F32') return new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4);
  const stored = new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2);
  return dtype === 'F16' ? float32FromHalf(stored) : float32FromBfloat16(stored);
}

async function guarded<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
}
