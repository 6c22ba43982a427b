// What the method that pays says of a version's queries, example by example: the scores before the floor, and the shares.
// Used by the audit and the bench. Invariant: columns are in the order of the examples given, not of the store.
import type { AdapterRef } from '../../engine.ts';
import type { Attributor } from '../attribute.ts';
import type { ScoreTable } from './audit-figures.ts';
import type { LossQuery } from './leave-out-trainer.ts';

interface ScoredVersion {
  readonly adapter: AdapterRef;
  readonly storeDir: string;
  readonly examples: readonly { readonly id: string }[];
  readonly queries: readonly LossQuery[];
}

export interface VersionScores {
  /** [queries][examples] before floor and alpha; a cluster's score in equal parts, as leaving a member out takes a part away. */
  readonly scores: ScoreTable;
  /** [queries][examples] the same for naming sources: a cluster's whole score for each of its members. */
  readonly named: ScoreTable;
  /** [queries][examples] as paid. */
  readonly shares: ScoreTable;
  readonly methodId: string;
  readonly storeHash: string;
}

/** What the method that pays says of each query, in the order of the job's examples; copies share their first one's. */
export async function versionScores(attributor: Attributor, version: ScoredVersion): Promise<VersionScores> {
  const { adapter, storeDir, examples, queries } = version;
  const scores: Float64Array[] = [];
  const named: Float64Array[] = [];
  const shares: Float64Array[] = [];
  let facts = { methodId: '', storeHash: '' };
  for (const { question, answer } of queries) {
    const request = { adapter, storeDir, messages: [{ role: 'user', content: question } as const], answer };
    const paid = await attributor.attribute(request);
    facts = { methodId: paid.methodId, storeHash: paid.storeHash };
    const byId = new Map(paid.shares.map(({ exampleId, share }) => [exampleId, share]));
    shares.push(Float64Array.from(examples, ({ id }) => byId.get(id) ?? 0));
    const explanation = await attributor.explain(request);
    const both = explanation
      ? scoresOf(explanation, examples)
      : { scores: new Float64Array(examples.length), named: new Float64Array(examples.length) };
    scores.push(both.scores);
    named.push(both.named);
  }
  return { scores, named, shares, ...facts };
}

type Explanation = NonNullable<Awaited<ReturnType<Attributor['explain']>>>;

function scoresOf({ store, scores }: Explanation, examples: ScoredVersion['examples']) {
  const place = new Map(store.meta.examples.map(({ id }, at) => [id, at]));
  const first = new Map(store.meta.copies.map(({ id, of }) => [id, of]));
  const heads = examples.map(({ id }) => first.get(id) ?? id);
  const members = new Map<string, number>();
  for (const head of heads) members.set(head, (members.get(head) ?? 0) + 1);
  const named = Float64Array.from(heads, (head) => scores.trained[place.get(head) ?? -1] ?? 0);
  return { named, scores: named.map((score, at) => score / (members.get(heads[at]) ?? 1)) };
}
