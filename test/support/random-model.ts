// A model folder of any shape with random weights, as Hugging Face keeps one: config, tokenizer of bytes and byte pairs
// that knows every id, chat template, weights in the type asked for. Used by tests and benchmarks. Fast: 135M
// parameters take about a second and never lie in memory whole. The same seed gives the same bytes.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerConfigJson } from '../../engine/corpus/chat-markup.ts';
import { toTokenizerJson, trainBpe } from '../../engine/corpus/train-tokenizer.ts';
import { llamaTensorShapes } from '../../engine/model/llama-weights.ts';
import { type LlamaConfig, toConfigJson } from '../../engine/model/model-config.ts';
import { fillRandom, type StoredDtype, storedBytes } from './random-numbers.ts';

interface RandomModelOptions {
  readonly seed?: number;
  /** Default bf16, as most models are published. */
  readonly dtype?: StoredDtype;
}

const specialAndBytes = trainBpe(new Map(), 0);

/** A vocabulary smaller than the special tokens and the bytes (263) gets no tokenizer. */
export function writeRandomModel(
  folder: string,
  config: LlamaConfig,
  { seed = 1, dtype = 'bf16' }: RandomModelOptions = {},
): void {
  mkdirSync(folder, { recursive: true });
  const json = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(value));
  json('config.json', toConfigJson(config));
  if (config.vocab >= specialAndBytes.tokens.length) {
    json('tokenizer.json', toTokenizerJson(pairVocabulary(config.vocab)));
    json('tokenizer_config.json', tokenizerConfigJson());
  }
  const tensors = [...llamaTensorShapes(config)].map(([name, shape]) => ({
    name,
    shape,
    elements: shape.reduce((product, size) => product * size, 1),
  }));
  const width = dtype === 'f32' ? 4 : 2;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape, elements } of tensors) {
    const start = end;
    end += width * elements;
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const headerBytes = Math.ceil(Buffer.byteLength(text) / 8) * 8;
  const head = Buffer.alloc(8 + headerBytes, ' ');
  head.writeBigUInt64LE(BigInt(headerBytes));
  head.write(text, 8);
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, head);
  tensors.forEach(({ name, shape, elements }, index) => {
    const values = new Float32Array(elements);
    if (name.includes('norm')) fillRandom(values, seed + index, 0.1, 1);
    // Outputs of the size of inputs; small biases.
    else fillRandom(values, seed + index, shape.length === 1 ? 0.02 : 1 / Math.sqrt(shape[1]), 0);
    writeSync(file, storedBytes(values, dtype));
  });
  closeSync(file);
}

/** Each merge joins two bytes, so that any id up to 263 + 65,536 is text. */
function pairVocabulary(size: number) {
  const { tokens } = specialAndBytes;
  const firstByte = tokens.length - 256;
  const merges = Array.from(
    { length: size - tokens.length },
    (_, i) => [firstByte + Math.floor(i / 256), firstByte + (i % 256)] as const,
  );
  return { tokens: [...tokens, ...merges.map(([left, right]) => tokens[left] + tokens[right])], merges };
}
