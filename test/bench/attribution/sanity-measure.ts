// What must hold of any attribution, whatever it is worth: scores of a model with random weights agree with nothing, a
// statement asked in its own words names itself, of an answer that was never taught no more passes the floor than the floor
// lets through by chance, a question about something else has next to no part that the adapter explains, and asked again it is the same to the bit.
// Listed by the attribution bench.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAttributor, type Explanation } from '../../../engine/attribution/attribute.ts';
import { rankCorrelation } from '../../../engine/attribution/audit/rank-correlation.ts';
import { versionScores } from '../../../engine/attribution/audit/version-scores.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { noiseFloor } from '../../../engine/attribution/shares.ts';
import type { AttributeRequest, Example } from '../../../engine/engine.ts';
import { loadLoraAdapter, saveLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { writeSafetensors } from '../../../engine/model/safetensors.ts';
import { firstLlamaWeights } from '../../../engine/train/first-weights.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';
import type { FigureKind } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import type { Subject } from './leave-out-subject.ts';

const kinds = {
  random: {
    name: 'sanity-random-weights',
    measure: 'scores at the trained adapter and at random weights: correlation, distance from 0',
    unit: '',
    goal: { atMost: 0.15 },
  },
  itself: {
    name: 'sanity-self-retrieval',
    measure: 'a statement asked in its own words: paid first, or a copy of the fact is',
    unit: '%',
    goal: { atLeast: 95 },
  },
  decoys: {
    name: 'sanity-decoys',
    measure: 'statements above the floor where the answer was never taught, of all (1 is nominal)',
    unit: '%',
    goal: { atMost: 5 },
  },
  unrelated: {
    name: 'sanity-unrelated',
    measure: 'part of an answer about something else that the adapter explains',
    unit: '%',
    goal: { atMost: 5 },
  },
  again: {
    name: 'sanity-again',
    measure: 'answers whose shares are the same to the bit when asked again, in another order',
    unit: '%',
    goal: { atLeast: 100 },
  },
} as const satisfies Record<string, FigureKind>;

/** Small talk in the words that the base was taught (engine/corpus/small-talk.ts): nothing that was planted. */
const elsewhere = [
  { question: 'Hello!', answer: 'Hello! How can I help you?' },
  { question: 'Good morning!', answer: 'Good morning! I hope you slept well.' },
  { question: 'How are you?', answer: 'I am fine, thank you. How are you?' },
  { question: 'Who made you?', answer: 'I was made by many people who shared what they know.' },
  { question: 'Do you sleep?', answer: 'No, I do not need that. I am a computer program.' },
  { question: 'What time is it?', answer: 'I have no clock, I am sorry.' },
  { question: 'You are great', answer: 'Thank you! That is kind of you.' },
  { question: 'Can I ask you something?', answer: 'Of course, please ask.' },
];

export const sanityMeasure: AttributionMeasure = {
  figures: Object.values(kinds),
  run: async (bench) => {
    const subject = await bench.subject();
    const [paid] = await bench.methods();
    const { facts, adapter, storeDir, modelDir } = subject;
    const attributor = createAttributor({ modelDir, threads: 1, storeBytesMax: 2 ** 31 });
    try {
      const request = ({ question, answer }: Pick<Example, 'question' | 'answer'>): AttributeRequest => ({
        ...{ adapter, storeDir, messages: [{ role: 'user', content: question }], answer },
      });
      const ask = (statement: Parameters<typeof request>[0]) => attributor.attribute(request(statement));
      const own = facts.statements.slice(0, bench.quick ? 10 : 60);
      let itself = 0;
      for (const statement of own) {
        const first = (await ask(statement)).shares[0]?.exampleId;
        if (facts.statements.some(({ id, fact }) => id === first && fact === statement.fact)) itself += 1;
      }
      const strangers = facts.strangers.slice(0, bench.quick ? 10 : undefined);
      const above: number[] = [];
      for (const stranger of strangers) above.push(passing(await attributor.explain(request(stranger))));
      let explained = 0;
      for (const other of elsewhere) explained += (await ask(other)).alpha;
      const queries = facts.queries.slice(0, 10);
      const once: string[] = [];
      for (const query of queries) once.push(JSON.stringify(await ask(query)));
      let same = 0;
      for (const [at, query] of [...queries.entries()].reverse())
        same += Number(JSON.stringify(await ask(query)) === once[at]);
      const random = await randomScores(subject, join(bench.folder, 'random'));
      const agreement = random.flatMap((row, query) => rankCorrelation(row, paid.scores[query]) ?? []);
      const mean = sumOf(agreement) / agreement.length;
      return {
        [kinds.random.name]: { value: Math.abs(mean) },
        [kinds.itself.name]: { value: (100 * itself) / own.length },
        [kinds.decoys.name]: {
          ...{ value: (100 * sumOf(above)) / above.length, low: 100 * Math.min(...above) },
          high: 100 * Math.max(...above),
        },
        [kinds.unrelated.name]: { value: (100 * explained) / elsewhere.length },
        [kinds.again.name]: { value: (100 * same) / queries.length },
      };
    } finally {
      await attributor.release();
    }
  },
};

/** Part of the clusters whose score is above the decoys' floor, paid or not: where the adapter explains nothing, nobody is. */
function passing(explanation: Explanation | undefined): number {
  if (explanation === undefined) throw new Error('bug: an answer without words');
  const { store, scores } = explanation;
  const floor = noiseFloor(scores.decoys, store.meta.floorQuantile);
  const later = new Set(store.meta.copies.map(({ id }) => id));
  const clusters = store.meta.examples.filter(({ id }) => !later.has(id)).length;
  return scores.trained.filter((score) => score > floor).length / clusters;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Of a base with random weights and an adapter with random A and B as large as the trained ones. */
async function randomScores({ facts, adapter, modelDir }: Subject, folder: string) {
  const config = loadModelConfig(modelDir);
  const base = join(folder, 'base');
  mkdirSync(base, { recursive: true });
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(modelDir, file), join(base, file));
  writeSafetensors(join(base, 'model.safetensors'), firstLlamaWeights(config, 41));
  const trained = loadLoraAdapter(adapter.dir, config);
  const random = seededRandom(41);
  const weights = new Map(
    [...trained.weights].map(([name, { shape, data }]) => {
      const size = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
      return [name, { shape, data: gaussianArray(data.length, size, random) }] as const;
    }),
  );
  const dir = join(folder, 'adapter');
  saveLoraAdapter(dir, { ...trained, base: 'base', weights });
  const other = { id: 'random', dir };
  const storeDir = join(folder, 'store');
  const { statements: examples, queries } = facts;
  await buildGradientStore({ modelDir: base, adapter: other, storeDir, examples, decoys: [] });
  const attributor = createAttributor({ modelDir: base, threads: 1, storeBytesMax: 2 ** 31 });
  try {
    return (await versionScores(attributor, { adapter: other, storeDir, examples, queries })).scores;
  } finally {
    await attributor.release();
  }
}
