// What quantised weights cost on real text with real models: the loss through the session, which is what people get
// (weights in blocks, activations in 8 bits), and by the reference with dequantised weights, which is the quantiser alone.
// Measured on 6,700 to 12,700 tokens of dialogues and stories: int8 +0.03 % to +0.09 %, int4 -0.6 % to +0.9 %; on
// text of a 260,000-parameter model's own kind int4 costs 11 %.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLlamaWeights, openLlamaWeights, projections } from '../../../engine/model/llama-weights.ts';
import { type LlamaConfig, loadModelConfig } from '../../../engine/model/model-config.ts';
import { dequantise, quantiseInt4, quantiseInt8 } from '../../../engine/model/quantise.ts';
import type { TensorMap } from '../../../engine/model/safetensors.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { type WeightFormat, weightFormats } from '../../../engine/model/weight-format.ts';
import { referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { storiesDir, storiesMissing } from './shared-models.ts';

const story =
  'Once upon a time, there was a little girl named Lily. She had a small red ball. Every day she played with her ball ' +
  'in the park. One day, the ball rolled down the hill and fell into the pond. Lily was very sad and she started to ' +
  'cry. A big dog came to the pond. The dog said, "Why are you sad?" Lily said, "My ball is in the water. I can not ' +
  'get it." The dog was kind. He jumped into the water and got the ball. Lily was so happy. She gave the dog a big ' +
  'hug and said, "Thank you!" The dog wagged his tail. From that day on, Lily and the dog were best friends. They ' +
  "played with the ball every day and had lots of fun. Lily's mom saw them play and smiled. She gave them both a cookie.";

const talk =
  'How are you today? I am fine, thank you. The weather is nice and I went for a walk in the park with my dog. What ' +
  'did you do? I stayed at home and read a book about the sea. It was a good book. I like books about the sea too. Do ' +
  'you have a favourite? Yes, it is about an old man who goes out alone in his boat and catches a very large fish. ' +
  'That sounds sad. It is a little sad, but it is also beautiful. The capital of France is Paris. It lies on a river ' +
  'and many people visit it every year. Water turns into ice when it is cold, and into steam when it is hot. Plants ' +
  'need light and water to grow. A farmer works in the field from morning to evening, and his children help him when ' +
  'they come home from school. In winter the days are short and the nights are long. People light a fire and tell each ' +
  'other stories. Some of the stories are true, and some of them are not.';

const models = [
  { name: 'stories260k', folder: storiesDir, missing: storiesMissing, text: story, int4Most: 1.15 },
  {
    name: 'the shipped base',
    folder: join(import.meta.dirname, '../../../engine/base'),
    missing: undefined,
    text: talk,
    int4Most: 1.02,
  },
] as const;

function promptIds(folder: string, text: string): readonly number[] {
  return [1, ...loadTokenizer(folder).encode(text)];
}

/** Nats per token. @param logitsAt [vocab] of position i, which speak of token i + 1 */
function lossOf(ids: readonly number[], logitsAt: (index: number) => Float32Array): number {
  let total = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const logits = logitsAt(i);
    const highest = logits.reduce((a, b) => Math.max(a, b));
    const sum = logits.reduce((partial, logit) => partial + Math.exp(logit - highest), 0);
    total += Math.log(sum) + highest - logits[ids[i + 1]];
  }
  return total / (ids.length - 1);
}

async function sessionLoss(folder: string, text: string, weights: WeightFormat): Promise<number> {
  const config = loadModelConfig(folder);
  const source = openLlamaWeights(folder, config);
  const session = await createBatchSession({ config, read: source.read, weights, rowsMax: 1 });
  const ids = promptIds(folder, text);
  const step = await session.prefill({ row: 0, start: 0, ids, temperature: 1, wanted: 'all' });
  const loss = lossOf(ids, step.logits);
  await session.release();
  source.close();
  return loss;
}

/** The weights as the session has them: projections in the format, the head in int8, the rest exact. */
function dequantised(
  weights: TensorMap,
  config: LlamaConfig,
  format: 'int8' | 'int4',
): { readonly weights: TensorMap; readonly config: LlamaConfig } {
  const copy = new Map(weights);
  const head = weights.get(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight')!;
  copy.set('lm_head.weight', head);
  for (const [name, { shape, data }] of copy) {
    const isHead = name === 'lm_head.weight';
    if (!isHead && !projections.some((projection) => name.endsWith(`${projection}.weight`))) continue;
    const [rows, columns] = shape;
    const kind = isHead ? 'int8' : format;
    const matrix = (kind === 'int8' ? quantiseInt8 : quantiseInt4)(data, rows, columns);
    copy.set(name, { shape, data: dequantise(matrix, kind, rows, columns) });
  }
  return { weights: copy, config: { ...config, tied: false } };
}

describe.each(models)('quantised weights of $name', ({ folder, missing, text, int4Most }) => {
  it(`raise the loss on real text by at most 1 % in int8 and ${Math.round(100 * (int4Most - 1))} % in int4`, async (context) => {
    if (missing !== undefined) context.skip(missing);
    const loss = { f32: 0, int8: 0, int4: 0 };
    for (const weights of weightFormats) loss[weights] = await sessionLoss(folder, text, weights);
    expect(loss.f32).toBeGreaterThan(0.5);
    expect(loss.f32).toBeLessThan(4);
    expect(loss.int8).not.toBe(loss.f32);
    expect(loss.int8 / loss.f32).toBeLessThan(1.01);
    expect(loss.int8 / loss.f32).toBeGreaterThan(0.99);
    expect(loss.int4 / loss.f32).toBeLessThan(int4Most);
  });
});

describe('the quantiser alone, by the reference on stories260k', () => {
  it('costs at most 1 % in int8 and 15 % in int4, and the session as much as that within 1 %', async (context) => {
    if (storiesMissing !== undefined) context.skip(storiesMissing);
    const config = loadModelConfig(storiesDir);
    const weights = loadLlamaWeights(storiesDir, config);
    const ids = promptIds(storiesDir, story);
    const referenceLoss = (of: TensorMap, shape: LlamaConfig): number => {
      const logits = referenceLogits(of, shape, ids);
      return lossOf(ids, (i) => logits.subarray(i * config.vocab, (i + 1) * config.vocab));
    };
    const exact = referenceLoss(weights, config);
    for (const [format, most] of [
      ['int8', 1.01],
      ['int4', 1.15],
    ] as const) {
      const rounded = dequantised(weights, config, format);
      const loss = referenceLoss(rounded.weights, rounded.config);
      expect(loss / exact).toBeLessThan(most);
      expect(Math.abs((await sessionLoss(storiesDir, story, format)) / loss - 1)).toBeLessThan(0.01);
    }
  });
});
