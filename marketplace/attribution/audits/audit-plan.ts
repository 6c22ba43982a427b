// What the audit of a model version retrains and asks, read from the version's own data. Used by audit-version.ts,
// check-call.ts (whose groups must be the same) and make-demo-audits-cli.ts. Reads only.
// Groups are what is left out together: a contributor's contributions, or, where fewer than GROUPS_LEAST people gave the
// data, blocks of one contributor's, so that halves can be drawn. They are named by position: the same data gives the same
// names, and with them the same halves, on every machine.
// Queries are contributions asked in words that were not trained: the shipped held-out questions where there are some, a
// rewording by rule elsewhere, with the contribution's own answer.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Contribution } from '../../../db/schema.ts';
import type { AuditExample, AuditQuery } from '../../../engine/audit-job.ts';
import { exactHash } from '../../datanets/contribution-hash.ts';
import { jsonLines, newHeldOut } from '../../factory/held-out.ts';

type Content = Pick<Contribution, 'id' | 'question' | 'answer'>;
type Given = Content & Pick<Contribution, 'personId'>;

/** Fewer groups have too few different halves to tell anything. */
export const GROUPS_LEAST = 8;
/** About so many blocks where contributors are too few. */
const BLOCKS = 16;

/** The group of each contribution, by its id. @param contributions the whole version in its order, retracted ones too */
export function auditGroups(contributions: readonly Given[]): ReadonlyMap<string, string> {
  const people = new Set(contributions.map(({ personId }) => personId));
  const blockSize = Math.max(1, Math.floor(contributions.length / BLOCKS));
  const byPerson = people.size >= GROUPS_LEAST;
  const given = new Map<string, number>();
  const names = new Map<string, string>();
  return new Map(
    contributions.map(({ id, personId }) => {
      const before = given.get(personId) ?? 0;
      given.set(personId, before + 1);
      const key = byPerson ? personId : `${personId}/${Math.floor(before / blockSize)}`;
      const name = names.get(key) ?? `group-${names.size}`;
      names.set(key, name);
      return [id, name] as const;
    }),
  );
}

export function auditExamples(
  contributions: readonly Content[],
  groups: ReadonlyMap<string, string>,
): readonly AuditExample[] {
  return contributions.map(({ id, question, answer }) => {
    const groupId = groups.get(id);
    if (groupId === undefined) throw new Error(`bug: contribution ${id} is in no group`);
    return { id, question, answer, groupId };
  });
}

/** @param contributions those that the version pays @param count at most so many, drawn by `seed` and their words */
export async function auditQueries(
  demoDir: string,
  datanetSlug: string,
  contributions: readonly Content[],
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<readonly AuditQuery[]> {
  const { questions, sameFact } = await shippedQuestions(demoDir, datanetSlug, contributions);
  const sameAnswer = Map.groupBy(contributions, ({ answer }) => answerKey(answer));
  return contributions
    .map((contribution) => ({ contribution, drawn: drawnNumber(`${seed} ${exactHash(contribution)}`) }))
    .sort((a, b) => a.drawn - b.drawn || (a.contribution.id < b.contribution.id ? -1 : 1))
    .slice(0, count)
    .map(({ contribution, drawn }) => {
      const { id, answer } = contribution;
      const asked = questions.get(id) ?? newHeldOut([contribution]).map(({ question }) => question);
      // Whoever states the same fact is a right source, and near copies are paid to the first of them.
      const same = (sameAnswer.get(answerKey(answer)) ?? []).map((other) => other.id);
      const goldIds = [...new Set([id, ...(sameFact.get(id) ?? []), ...same])];
      return { question: asked[drawn % asked.length], answer, goldIds };
    });
}

/** Case, punctuation and spacing make no other answer. */
const answerKey = (answer: string): string =>
  answer
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

interface Shipped {
  /** Held-out questions of the contributions they were made for. */
  readonly questions: ReadonlyMap<string, readonly string[]>;
  /** Contributions that state the same fact, by each of them. */
  readonly sameFact: ReadonlyMap<string, readonly string[]>;
}

/** Files name contributions by their own ids; their words are what is compared. */
async function shippedQuestions(
  demoDir: string,
  slug: string,
  contributions: readonly Content[],
): Promise<Shipped> {
  const byWords = new Map(contributions.map((each) => [exactHash(each), each.id]));
  const facts = await jsonLines(join(demoDir, `${slug}.jsonl`));
  const ours = new Map(
    facts.flatMap(({ id, question, answer }) => {
      const found = byWords.get(exactHash({ question: String(question), answer: String(answer) }));
      return found === undefined ? [] : [[String(id), found] as const];
    }),
  );
  const questions = new Map<string, string[]>();
  const sameFact = new Map<string, readonly string[]>();
  for (const row of await jsonLines(join(demoDir, `${slug}.heldout.jsonl`))) {
    const stated = String(row.contributionId);
    const all = Array.isArray(row.contributionIds) ? row.contributionIds.map(String) : [stated];
    const ids = all.flatMap((id) => ours.get(id) ?? []);
    for (const id of ids) sameFact.set(id, ids);
    const first = ours.get(stated);
    if (first !== undefined) questions.set(first, [...(questions.get(first) ?? []), String(row.question)]);
  }
  return { questions, sameFact };
}

/** 48 bits of a hash: order and choice that nobody can steer but by the words themselves. */
function drawnNumber(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}
