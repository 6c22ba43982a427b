// Writes the weights of a model folder tensor by tensor: one model.safetensors, or shards of a given size with the index
// that names them, as Hugging Face does (huggingface_hub split_torch_state_dict_into_shards). Used by export-model. Knows
// no model. Invariant: never is more than one tensor in memory; a file that was closed is on the disk.
import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { bfloat16FromFloat32, float32ForNarrowing, halfFromFloat32 } from './half-float.ts';
import { firstNotFinite } from './llama-weights.ts';
import { bytesPerElement, type SafetensorsDtype } from './safetensors-header.ts';

export interface PlannedTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

interface Shard {
  readonly file: string;
  readonly tensors: readonly PlannedTensor[];
}

/** Bytes of a tensor's values. */
export function tensorBytes({ shape, dtype }: PlannedTensor): number {
  return shape.reduce((product, size) => product * size, 1) * bytesPerElement[dtype];
}

/** In the given order; a shard ends before it would be larger than `shardBytesMax`. */
function planShards(tensors: readonly PlannedTensor[], shardBytesMax: number): readonly Shard[] {
  const groups: PlannedTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = tensorBytes(tensor);
    if (bytes > 0 && bytes + size > shardBytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups[groups.length - 1].push(tensor);
    bytes += size;
  }
  const number = (value: number): string => String(value).padStart(5, '0');
  return groups.map((group, index) => ({
    tensors: group,
    file:
      groups.length === 1
        ? 'model.safetensors'
        : `model-${number(index + 1)}-of-${number(groups.length)}.safetensors`,
  }));
}

/**
 * @param valuesOf asked once for each tensor, in order; float64 is rounded once to what is stored
 * @param onBytes bytes of values written so far
 * @returns names of the files
 * @throws EngineError `weight_overflow` | `folder_unwritable`
 */
export function writeSafetensorsFolder(
  folder: string,
  tensors: readonly PlannedTensor[],
  shardBytesMax: number,
  valuesOf: (name: string) => Float32Array | Float64Array,
  onBytes: (bytes: number) => void,
): readonly string[] {
  const shards = planShards(tensors, shardBytesMax);
  let written = 0;
  for (const shard of shards) {
    writeShard(join(folder, shard.file), shard.tensors, valuesOf, (bytes) => {
      written += bytes;
      onBytes(written);
    });
  }
  const files = shards.map(({ file }) => file);
  if (shards.length === 1) return files;
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0) },
    weight_map: Object.fromEntries(
      shards.flatMap(({ file, tensors: held }) => held.map(({ name }) => [name, file])),
    ),
  };
  const indexFile = 'model.safetensors.index.json';
  guarded(folder, () => writeFileSync(join(folder, indexFile), `${JSON.stringify(index, null, 2)}\n`));
  return [...files, indexFile];
}

function writeShard(
  path: string,
  tensors: readonly PlannedTensor[],
  valuesOf: (name: string) => Float32Array | Float64Array,
  onBytes: (bytes: number) => void,
): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const tensor of tensors) {
    const start = end;
    end += tensorBytes(tensor);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  const file = guarded(path, () => openSync(path, 'wx'));
  try {
    guarded(path, () => writeFully(file, head));
    for (const tensor of tensors) {
      const bytes = storedBytes(valuesOf(tensor.name), tensor);
      if (bytes.byteLength !== tensorBytes(tensor)) throw new Error(`bug: ${tensor.name} has another size`);
      guarded(path, () => writeFully(file, bytes));
      onBytes(bytes.byteLength);
    }
    guarded(path, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

function storedBytes(values: Float32Array | Float64Array, { name, dtype }: PlannedTensor): Uint8Array {
  const narrow = dtype === 'F32' ? undefined : dtype === 'F16' ? halfFromFloat32 : bfloat16FromFloat32;
  const floats =
    values instanceof Float32Array
      ? values
      : narrow
        ? float32ForNarrowing(values)
        : Float32Array.from(values);
  const stored = narrow ? narrow(floats) : floats;
  const exponent = dtype === 'F16' ? 0x7c00 : 0x7f80;
  const infinite =
    stored instanceof Uint16Array
      ? stored.some((word) => (word & exponent) === exponent)
      : firstNotFinite(stored) >= 0;
  if (infinite)
    throw new EngineError(`weight ${name} is too large for ${dtype}; choose another type`, {
      code: 'weight_overflow',
      retry: 'never',
    });
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function writeFully(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done, bytes.byteLength - done);
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(`cannot write ${path}: ${what}`, {
      code: 'folder_unwritable',
      retry: 'never',
      cause,
    });
  }
}
