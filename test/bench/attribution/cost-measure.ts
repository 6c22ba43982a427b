// What attributing an answer costs beside answering: against one teacher-forced forward pass of prompt and answer, and against
// generating it. Listed by the attribution bench. Subject: the shipped base with the demo model of 330 facts, a whole call as
// the worker does it (tokens, store's hash, gradient, both losses, scan, shares), one thread, answers of 64 tokens.
// The forward pass is the training graph's with the adapter merged into the weights, tokens padded to 16 as in training.
// Ratios are of processor time, round by round in turn: other programs on the machine then disturb both sides alike.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAdaptedModel, loadBaseModel } from '../../../engine/attribution/adapted-model.ts';
import { type Attributor, createAttributor } from '../../../engine/attribution/attribute.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { createGradientModel, type TokenisedExample } from '../../../engine/attribution/gradient-model.ts';
import { mergedWeights } from '../../../engine/attribution/merged-weights.ts';
import { noiseFloor, sharesOf } from '../../../engine/attribution/shares.ts';
import type { AdapterRef, AttributeRequest, Engine, Example } from '../../../engine/engine.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { createTrainingSession, type TrainingSession } from '../../../engine/train/training-session.ts';
import type { Measured } from '../bench-figure.ts';
import type { MeasureOf } from '../bench-run.ts';
import { interleaved, median, rounded, type Side } from '../interleaved.ts';

interface CostBench {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly folder: string;
}

const [rounds, quickRounds] = [15, 3];
const answers = 8;
const answerTokens = 64;
const baseDir = 'engine/base';
const demo = 'marketplace/demo';
const adapter: AdapterRef = { id: 'pocket-atlas', dir: join(demo, 'pocket-atlas-adapter') };

export const costMeasure: MeasureOf<CostBench> = {
  figures: [
    {
      name: 'attribution-forward',
      measure: 'attributing an answer of 64 tokens / one forward pass of prompt and answer',
      unit: '×',
      goal: { atMost: 3.5 },
    },
    {
      name: 'attribution-forward-short',
      measure: 'the same for a taught answer of about 12 tokens',
      unit: '×',
    },
    {
      name: 'attribution-generation',
      measure: 'attributing / generating 64 tokens, 8 calls waiting',
      unit: '%',
      goal: { atMost: 25 },
    },
    {
      name: 'attribution-generation-batched',
      measure: '… / generating as one of 8 answers at once, where an answer costs less',
      unit: '%',
    },
    {
      name: 'attribution-shortlist',
      measure: 'total variation of shares, rows chosen by sketches against all rows',
      unit: '%',
      goal: { atMost: 2 },
    },
  ],
  run: async ({ quick, say, folder }) => {
    const examples = readRows('pocket-atlas.jsonl');
    const decoys = readRows('pocket-atlas.decoys.jsonl');
    const storeDir = join(folder, 'cost-store');
    say(`  store of ${examples.length} contributions and ${decoys.length} decoys`);
    await buildGradientStore({ modelDir: baseDir, adapter, storeDir, examples, decoys });
    const engine = await createLocalEngine({ baseDir, device: 'cpu', threads: 1 });
    const attributor = createAttributor({ modelDir: baseDir, threads: 1, storeBytesMax: 2 ** 30 });
    try {
      await engine.loadAdapter(adapter);
      const asked = examples.slice(0, answers).map(({ question }) => question);
      const requests = await Promise.all(
        asked.map(async (question) => requestOf(storeDir, question, await generated(engine, question))),
      );
      const taught = examples
        .slice(0, answers)
        .map((each) => requestOf(storeDir, each.question, each.answer));
      const count = quick ? quickRounds : rounds;
      return {
        'attribution-forward': await againstForward(attributor, requests, count),
        'attribution-forward-short': await againstForward(attributor, taught, count),
        ...(await againstGeneration(attributor, engine, requests, count)),
        'attribution-shortlist': await shortlistError(attributor, taught),
      };
    } finally {
      await attributor.release();
      await engine.close();
    }
  },
};

function readRows(name: string): readonly Example[] {
  return readFileSync(join(demo, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function requestOf(storeDir: string, question: string, answer: string): AttributeRequest {
  return { adapter, storeDir, messages: [{ role: 'user', content: question }], answer };
}

/** 64 tokens, whatever the model would say: the tokens that end a turn are forbidden. */
async function generated(engine: Engine, question: string): Promise<string> {
  const logitBias = Object.fromEntries(loadBaseModel(baseDir).config.eosIds.map((id) => [id, -100]));
  const request = {
    messages: [{ role: 'user', content: question } as const],
    adapter,
    maxTokens: answerTokens,
  };
  let text = '';
  for await (const event of engine.generate({ ...request, sampling: { temperature: 0, logitBias } }))
    if (event.type === 'done') text = event.text;
  return text;
}

const attributing = (attributor: Attributor, requests: readonly AttributeRequest[]): Side => ({
  name: 'attribution',
  block: async () => {
    for (const request of requests) await attributor.attribute(request);
    return requests.length;
  },
});

async function againstForward(
  attributor: Attributor,
  requests: readonly AttributeRequest[],
  count: number,
): Promise<Measured> {
  const base = loadBaseModel(baseDir);
  const { config, weights, loraScale } = loadAdaptedModel(base, adapter).gradientModel;
  const merged = mergedWeights(weights, loraScale);
  const sessions = new Map<number, TrainingSession>();
  const tokenised = requests.flatMap(({ messages, answer }) => base.tokenise(messages, answer) ?? []);
  for (const example of tokenised) {
    const seq = paddedLength(example);
    const known = sessions.get(seq);
    if (known === undefined)
      sessions.set(
        seq,
        await createTrainingSession({ config, batch: 1, seq, gradients: 'none', weights: merged }),
      );
  }
  const forward: Side = {
    name: 'forward',
    block: async () => {
      for (const example of tokenised) await sessions.get(paddedLength(example))?.run(batchOf(example));
      return tokenised.length;
    },
  };
  const trainer = createGradientModel({ ...loadAdaptedModel(base, adapter).gradientModel, strength: 1 });
  const inGraph: Side = {
    name: 'forward, adapter added in the graph',
    block: async () => {
      for (const example of tokenised) await trainer.answerNll(example, 'adapted');
      return tokenised.length;
    },
  };
  const sides = [attributing(attributor, requests), forward, inGraph];
  const [ours, theirs, whole] = await interleaved(sides, count);
  await trainer.release();
  for (const session of sessions.values()) await session.release();
  const tokens = tokenised.map(({ ids, answerStart }) => ids.length - answerStart);
  return {
    ...ratioOfCpu(ours.cpuMs, theirs.cpuMs, 1),
    details: {
      'attribution, processor ms': rounded(median(ours.cpuMs)),
      'forward pass, processor ms': rounded(median(theirs.cpuMs)),
      'forward pass as the trainer does it, adapter added in the graph, processor ms': rounded(
        median(whole.cpuMs),
      ),
      'answer tokens, median': median(tokens),
      'all tokens, median': median(tokenised.map(({ ids }) => ids.length)),
    },
  };
}

async function againstGeneration(
  attributor: Attributor,
  engine: Engine,
  requests: readonly AttributeRequest[],
  count: number,
): Promise<Readonly<Record<string, Measured>>> {
  const questions = requests.map(({ messages }) => messages[0].content);
  const alone: Side = {
    name: 'generation',
    block: async () => {
      for (const question of questions.slice(0, 2)) await generated(engine, question);
      return 2;
    },
  };
  const together: Side = {
    name: 'generation of 8 at once',
    block: async () => {
      await Promise.all(questions.map((question) => generated(engine, question)));
      return questions.length;
    },
  };
  const [ours, one, many] = await interleaved([attributing(attributor, requests), alone, together], count);
  const details = {
    'attribution, processor ms a call': rounded(median(ours.cpuMs)),
    'generation alone, processor ms': rounded(median(one.cpuMs)),
    'generation of 8 at once, processor ms an answer': rounded(median(many.cpuMs)),
  };
  return {
    'attribution-generation': { ...ratioOfCpu(ours.cpuMs, one.cpuMs, 100), details },
    'attribution-generation-batched': ratioOfCpu(ours.cpuMs, many.cpuMs, 100),
  };
}

async function shortlistError(
  attributor: Attributor,
  requests: readonly AttributeRequest[],
): Promise<Measured> {
  const errors: number[] = [];
  for (const request of requests) {
    const full = await attributor.explain(request);
    if (full === undefined) continue;
    const { store, scores, alpha } = full;
    const all = sharesOf(scores.trained, noiseFloor(scores.decoys, store.meta.floorQuantile), alpha);
    const { shares } = await attributor.attribute(request);
    const chosen = new Map(shares.map(({ exampleId, share }) => [exampleId, share]));
    const apart = store.meta.examples.map(({ id }, i) => Math.abs(all[i] - (chosen.get(id) ?? 0)));
    errors.push(apart.reduce((sum, value) => sum + value, 0) / 2);
  }
  const mean = errors.reduce((sum, value) => sum + value, 0) / errors.length;
  return { value: 100 * mean, low: 100 * Math.min(...errors), high: 100 * Math.max(...errors) };
}

function ratioOfCpu(over: readonly number[], under: readonly number[], factor: number): Measured {
  const ratios = over.map((value, round) => (factor * value) / under[round]);
  return { value: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

function paddedLength({ ids }: TokenisedExample): number {
  return Math.ceil((ids.length - 1) / 16) * 16;
}

function batchOf(example: TokenisedExample): Parameters<TrainingSession['run']>[0] {
  const seq = paddedLength(example);
  const ids = new BigInt64Array(seq);
  const labels = new BigInt64Array(seq);
  for (let at = 0; at + 1 < example.ids.length; at++) {
    ids[at] = BigInt(example.ids[at]);
    labels[at] = BigInt(example.ids[at + 1]);
  }
  return { ids, labels, weights: new Float32Array(seq) };
}
