// A tiny model version on disk: a random base, a real tokenizer, and a LoRA adapter that
// learned 24 answers. Shared by the attribution tests; takes about two seconds to make and is the same every time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chatTemplate } from '../../../engine/corpus/chat-markup.ts';
import { countWords, toTokenizerJson, trainBpe } from '../../../engine/corpus/train-tokenizer.ts';
import type { AdapterRef, Example } from '../../../engine/engine.ts';
import { projections } from '../../../engine/model/llama-weights.ts';
import { toConfigJson } from '../../../engine/model/model-config.ts';
import { writeSafetensors } from '../../../engine/model/safetensors.ts';
import { firstLlamaWeights } from '../../../engine/train/first-weights.ts';
import { trainRun } from '../../../engine/train/train-run.ts';
import { runSchema } from '../../../engine/train/train-run-config.ts';

const colours = ['red', 'blue', 'green', 'white', 'black', 'brown'];
const things = ['door', 'hat', 'cup', 'boat', 'key', 'lamp', 'coat', 'bell', 'tree', 'ring', 'road', 'nest'];

const fact = (thing: string, i: number): Example => ({
  id: `fact-${i}`,
  question: `What colour is the ${thing} of Mr ${'ABCDEFGHIJKLMNOP'[i % 16]}?`,
  answer: `It is ${colours[(i * 5 + Math.floor(i / 6)) % 6]}.`,
});

export const examples: readonly Example[] = Array.from({ length: 24 }, (_, i) => fact(things[i % 12], i));
export const decoys: readonly Example[] = Array.from({ length: 12 }, (_, i) => ({
  ...fact(things[(i * 7 + 3) % 12], i + 25),
  id: `decoy-${i}`,
}));

export interface TinyVersion {
  readonly modelDir: string;
  readonly adapter: AdapterRef;
}

/** Writes base and adapter below `folder`. */
export async function makeTinyVersion(folder: string): Promise<TinyVersion> {
  const modelDir = join(folder, 'base');
  mkdirSync(modelDir, { recursive: true });
  const counts = new Map<string, number>();
  for (const { question, answer } of [...examples, ...decoys]) countWords(`${question} ${answer}`, counts);
  const tokenizer = toTokenizerJson(trainBpe(counts, 360));
  writeFileSync(join(modelDir, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(
    join(modelDir, 'tokenizer_config.json'),
    JSON.stringify({ chat_template: chatTemplate, eos_token: '<|eos|>' }),
  );
  const config = {
    ...{ dim: 32, layers: 2, heads: 2, kvHeads: 2, headDim: 16, ffn: 64, vocab: 360, maxSeq: 64 },
    ...{ ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: undefined, eosIds: [1] },
  };
  writeFileSync(join(modelDir, 'config.json'), JSON.stringify(toConfigJson(config)));
  // Tied embeddings are the output head too: ten times the usual size, so that an adapter alone can be sure of a token.
  const weights = new Map(firstLlamaWeights(config, 1));
  const table = weights.get('model.embed_tokens.weight');
  if (table)
    weights.set('model.embed_tokens.weight', { ...table, data: table.data.map((value) => 10 * value) });
  writeSafetensors(join(modelDir, 'model.safetensors'), weights);

  const out = join(folder, 'adapter');
  const data = join(folder, 'examples.jsonl');
  writeFileSync(data, examples.map((example) => `${JSON.stringify(example)}\n`).join(''));
  const recipe = { rank: 4, alpha: 8, epochs: 60, batch: 24, lr: 0.02, targets: projections };
  await trainRun(runSchema('sft').parse({ base: modelDir, data, out, recipe }), () => {});
  return { modelDir, adapter: { id: 'tiny', dir: out } };
}
