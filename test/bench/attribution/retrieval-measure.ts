// How near the shares of passages are to the exact ones. The shipped base answers questions about Saltmarsh Bay (a place that
// does not exist) from four passages in its prompt, one of which states the fact, or two in every other question; the exact
// shares are Shapley's, from all 16 prompts. Listed by the attribution bench. The floor was chosen on seed 11.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { retrievalShares } from '../../../engine/attribution/retrieval/retrieval-shares.ts';
import { seededRandom } from '../../../engine/corpus/seeded-random.ts';
import type { ChatMessage, RetrievedPassage } from '../../../engine/engine.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import type { MeasureOf } from '../bench-run.ts';
import { rounded } from '../interleaved.ts';

const repository = join(import.meta.dirname, '../../..');
const [seed, questions, quickQuestions] = [77, 40, 6];
const passagesEach = 4;

interface Fact {
  readonly id: string;
  readonly answer: string;
}

interface HeldOut {
  readonly question: string;
  readonly contributionId: string;
  readonly contributionIds?: readonly string[];
}

interface Question {
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  readonly passages: readonly RetrievedPassage[];
}

export const retrievalMeasure: MeasureOf<{ readonly quick: boolean }> = {
  figures: [
    {
      name: 'retrieval-shares',
      measure: 'shares of 4 retrieved passages beside exact Shapley shares: total variation',
      unit: '%',
    },
    { name: 'retrieval-strangers', measure: 'shares that go to passages about something else', unit: '%' },
  ],
  run: async ({ quick }) => {
    const engine = await createLocalEngine({ baseDir: join(repository, 'engine/base'), device: 'cpu' });
    try {
      const distances: number[] = [];
      const strangers: number[] = [];
      let passes = 0;
      for (const { messages, answer, passages } of drawQuestions(quick ? quickQuestions : questions)) {
        const losses = new Map<string, number>(); // by prompt
        const lossOf = async (prompt: readonly ChatMessage[]): Promise<number> => {
          const key = JSON.stringify(prompt);
          const known =
            losses.get(key) ?? (await engine.answerLosses({ messages: prompt, answer, adapters: [null] }))[0];
          losses.set(key, known);
          return known;
        };
        const { shares, alpha } = await retrievalShares({ messages, answer, passages }, lossOf);
        passes += losses.size - 1;
        const exact = await shapleyShares(passages, (kept) => lossOf(promptOf(messages, passages, kept)));
        distances.push(
          shares.reduce((sum, { share }, i) => sum + Math.abs(share / (alpha || 1) - exact[i]), 0) / 2,
        );
        strangers.push(shares.reduce((sum, { id, share }) => sum + (id === '' ? share : 0), 0));
      }
      const mean = (values: readonly number[]): number =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      return {
        'retrieval-shares': {
          value: 100 * mean(distances),
          low: 100 * Math.min(...distances),
          high: 100 * Math.max(...distances),
          details: {
            questions: distances.length,
            'passes beside the answer’s own': rounded(passes / distances.length),
          },
        },
        'retrieval-strangers': { value: 100 * mean(strangers) },
      };
    } finally {
      await engine.close();
    }
  },
};

function drawQuestions(count: number): readonly Question[] {
  const lines = <T>(name: string): readonly T[] =>
    readFileSync(join(repository, 'marketplace/demo', name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): T => JSON.parse(line));
  const facts = lines<Fact>('saltmarsh-bay.jsonl');
  const heldOut = lines<HeldOut>('saltmarsh-bay.heldout.jsonl');
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, at) => {
    const { question, contributionId, contributionIds = [contributionId] } = random.pick(heldOut);
    const stating = facts.filter(({ id }) => contributionIds.includes(id));
    const told = at % 2 === 0 ? [stating[0], stating.at(-1) ?? stating[0]] : [stating[0]];
    const others = facts.filter(
      ({ id, answer }) => !contributionIds.includes(id) && answer !== stating[0].answer,
    );
    const passages = random.shuffle([
      ...told.map(({ id, answer }) => ({ id, text: answer })),
      ...random
        .shuffle(others)
        .slice(0, passagesEach - told.length)
        .map(({ answer }) => ({ id: '', text: answer })),
    ]);
    const content = `Here is what we know:\n${passages.map(({ text }) => text).join('\n')}\n\n${question}`;
    return { messages: [{ role: 'user', content }], answer: stating[0].answer, passages };
  });
}

/** The prompt with some passages, as it is written; not by way of what is measured. */
function promptOf(
  [{ content }]: readonly ChatMessage[],
  passages: readonly RetrievedPassage[],
  kept: readonly RetrievedPassage[],
): readonly ChatMessage[] {
  const all = passages.map(({ text }) => text).join('\n');
  const lines = kept.map(({ text }) => `${text}\n`).join('');
  return [{ role: 'user', content: content.replace(`${all}\n`, lines) }];
}

/** Positive parts of the Shapley values, as parts of their sum. */
async function shapleyShares(
  passages: readonly RetrievedPassage[],
  lossOf: (kept: readonly RetrievedPassage[]) => Promise<number>,
): Promise<readonly number[]> {
  const count = passages.length;
  const losses: number[] = [];
  for (let set = 0; set < 2 ** count; set++)
    losses.push(await lossOf(passages.filter((_, i) => (set >> i) & 1)));
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const values = passages.map((_, i) =>
    losses.reduce((sum, loss, set) => {
      if ((set >> i) & 1) return sum;
      const size = passages.filter((__, k) => (set >> k) & 1).length;
      const weight = (factorial(size) * factorial(count - size - 1)) / factorial(count);
      return sum + weight * (loss - losses[set | (1 << i)]);
    }, 0),
  );
  const sum = values.reduce((total, value) => total + Math.max(0, value), 0);
  return values.map((value) => (sum > 0 ? Math.max(0, value) / sum : 0));
}
