// A small datanet of real facts, a model trained on it, and who would be paid what for answering its questions: where the
// measures of duplicates, junk and crafted data play their attacks. It measures nothing.
// Each attack is another world, trained from the start: what a copy or a lure does to the model is part of its effect, and so
// is what the model then says.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAttributor } from '../../../engine/attribution/attribute.ts';
import { createLeaveOutTrainer } from '../../../engine/attribution/audit/leave-out-trainer.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { trainingExamples } from '../../../engine/attribution/training-examples.ts';
import type { Example } from '../../../engine/engine.ts';

export interface Question {
  readonly question: string;
  readonly answer: string;
  /** The contribution whose answer it is: in a world where that one says it otherwise, so does the answer. */
  readonly answerId: string;
}

export interface Facts {
  readonly examples: readonly Example[];
  /** In wordings that no contribution uses. */
  readonly questions: readonly Question[];
  readonly decoys: readonly Example[];
  /** Other questions for the same fact, by the contribution's id. */
  readonly wordings: ReadonlyMap<string, readonly string[]>;
  /** Further facts of the same datanet that nobody asks about. */
  readonly spare: readonly Example[];
}

export interface World {
  readonly examples: readonly Example[];
  /** Duplicates weigh one together and share a row, as in the product. */
  readonly joined: boolean;
}

/** Mean share of each example over the questions; what a cluster earns stands at its first member. */
export type Payouts = ReadonlyMap<string, number>;

const baseDir = new URL('../../../engine/base', import.meta.url).pathname;
/** The same number of updates for every world, so that copies do not buy a longer training. */
const recipe = { rank: 16, alpha: 16, epochs: 1, stepsMin: 150, batch: 48 };

function lines<T>(name: string): readonly T[] {
  const path = new URL(`../../../marketplace/demo/${name}.jsonl`, import.meta.url);
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

interface HeldOut {
  readonly contributionIds: readonly string[];
  readonly question: string;
}

/**
 * Facts of Saltmarsh Bay that two people state in words of their own, so that there is somebody to gain from. Asked once
 * with each of the two answers.
 * @param skip facts left out at the beginning: other facts to tune on than to report
 */
export function someFacts(count: number, skip: number): Facts {
  const all = new Map(lines<Example>('saltmarsh-bay').map((example) => [example.id, plain(example)]));
  const held = lines<HeldOut>('saltmarsh-bay.heldout');
  const facts = [...new Map(held.map((item) => [item.contributionIds.join(), item])).values()];
  const used = facts.slice(skip, skip + count);
  const wordings = new Map<string, string[]>();
  for (const { contributionIds, question } of held)
    for (const id of contributionIds) wordings.set(id, [...(wordings.get(id) ?? []), question]);
  const statements = (items: readonly HeldOut[]): readonly Example[] =>
    items.flatMap(({ contributionIds }) => contributionIds.flatMap((id) => all.get(id) ?? []));
  return {
    examples: statements(used),
    questions: used.flatMap(({ question, contributionIds }) =>
      contributionIds.flatMap((answerId) => {
        const answer = all.get(answerId)?.answer;
        return answer === undefined ? [] : [{ question, answer, answerId }];
      }),
    ),
    decoys: lines<Example>('saltmarsh-bay.decoys').map(plain),
    wordings,
    spare: statements([...facts.slice(skip + count), ...facts.slice(0, skip)]),
  };
}

const plain = ({ id, question, answer }: Example): Example => ({ id, question, answer });

/** Trains the world's model and asks it every question. @param seed of first weights and order */
export async function payoutsIn(world: World, { questions, decoys }: Facts, seed: number): Promise<Payouts> {
  const folder = mkdtempSync(join(tmpdir(), 'gaming-'));
  const taught = world.joined ? trainingExamples(world.examples) : world.examples;
  const trainer = createLeaveOutTrainer({ modelDir: baseDir, examples: taught, recipe, seed });
  try {
    const trained = await trainer.train(taught.map(() => 1));
    const adapter = { id: 'world', dir: join(folder, 'adapter') };
    trained.save(adapter.dir);
    const storeDir = join(folder, 'store');
    const apart = !world.joined;
    await buildGradientStore({
      modelDir: baseDir,
      adapter,
      storeDir,
      examples: world.examples,
      decoys,
      apart,
    });
    const attributor = createAttributor({ modelDir: baseDir, threads: 1, storeBytesMax: 2 ** 30 });
    const sums = new Map<string, number>();
    const told = new Map(world.examples.map(({ id, answer }) => [id, answer]));
    for (const { question, answerId, ...honest } of questions) {
      const messages = [{ role: 'user', content: question }] as const;
      // What such a model says: the words it was taught, a lure's where a lure stands in the place of an honest answer.
      const answer = told.get(answerId) ?? honest.answer;
      const { shares } = await attributor.attribute({ adapter, storeDir, messages, answer });
      for (const { exampleId, share } of shares)
        sums.set(exampleId, (sums.get(exampleId) ?? 0) + share / questions.length);
    }
    await attributor.release();
    return sums;
  } finally {
    await trainer.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the given examples earn together. */
export function earnedBy(payouts: Payouts, ids: Iterable<string>): number {
  let sum = 0;
  for (const id of new Set(ids)) sum += payouts.get(id) ?? 0;
  return sum;
}
