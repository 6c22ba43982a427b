// A model as people see it in a list: price, split, version, how good it is, who stands behind it, what to ask.
// Used by create-marketplace.ts. Reads only.
import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import type { Model, ModelVersion } from '../../db/schema.ts';
import { auditView } from '../attribution/audits/audit-view.ts';
import type { ModelSummary, Range } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { ceilingOf, rateCardOf } from '../quote.ts';
import { splitBpsOf } from '../split-price.ts';

const EXAMPLES = 3;
/** Answers of one person and day that count as volume; those to its maker and contributors do not: wash calls show nothing. */
const CALLS_EACH_DAY_MAX = 20;

export async function modelSummary(
  market: Pick<MarketplaceContext, 'db' | 'engine' | 'settings'>,
  model: Model,
): Promise<ModelSummary> {
  const { db } = market;
  const version =
    model.currentVersionId === null ? undefined : await getModelVersion(db, model.currentVersionId);
  const datanet = await getDatanet(db, model.datanetId);
  const figures = version === undefined ? NO_FIGURES : await figuresOf(db, model, version);
  return {
    id: model.id,
    slug: model.slug,
    title: model.title,
    description: model.description,
    datanetSlug: datanet?.slug ?? '',
    versionNumber: version?.number ?? 0,
    rateCard: rateCardOf(model),
    ceilingNano: ceilingOf(market, model),
    splitBps: splitBpsOf(model),
    retired: model.state === 'retired' || version === undefined,
    calls: figures.calls,
    contributors: figures.contributors,
    exampleQuestions: figures.examples,
    evaluation: evaluationOf(version),
    audit: version === undefined ? null : await auditView(market, version.id),
    readiness: null,
  };
}

const NO_FIGURES = { calls: 0, contributors: 0, examples: [] as readonly string[] };

async function figuresOf(db: Database, model: Model, version: ModelVersion): Promise<typeof NO_FIGURES> {
  // Examples are spread evenly over the version, so that they show its range.
  const { rows } = await sql<{ calls: number; contributors: number; examples: string[] }>`
    with member as (
      select c.person_id, c.question, v.position, count(*) over () as total
      from datanet_version_contribution v join contribution c on c.id = v.contribution_id
      where v.datanet_version_id = ${version.datanetVersionId} and c.state = 'accepted')
    select (select coalesce(sum(least(asked, ${CALLS_EACH_DAY_MAX})), 0)::int from (
        select count(*) as asked from call c where c.model_id = ${model.id} and c.state = 'captured'
          and c.person_id <> ${model.creatorId} and not exists (select 1 from member where member.person_id = c.person_id)
        group by c.person_id, (c.settled_at at time zone 'UTC')::date) d) as calls,
      (select count(distinct person_id)::int from member) as contributors,
      coalesce((select json_agg(question order by position) from (
        select question, position from member
        where position % greatest(1, total / ${EXAMPLES}) = 0 order by position limit ${EXAMPLES}) e), '[]') as examples`.execute(
    db,
  );
  return rows[0];
}

interface StoredScore {
  readonly correct?: number;
  readonly total?: number;
}
interface StoredRange {
  readonly low?: number;
  readonly high?: number;
}
/** As evaluate-candidate.ts (comparison) or a demo's evaluation.json (rows) wrote it; older ones have scores alone. */
interface StoredEvaluation {
  readonly adapter?: StoredScore;
  readonly base?: StoredScore;
  readonly comparison?: {
    readonly models?: Readonly<Record<string, { readonly exact?: StoredRange } | undefined>>;
  };
  readonly rows?: readonly (StoredRange & { readonly model?: string; readonly questions?: string })[];
}

/** Held-out accuracy as stored with the version: `{ adapter: { correct, total }, base: { correct, total } }` and more. */
export function evaluationOf(version: ModelVersion | undefined): ModelSummary['evaluation'] {
  const stored = version?.evaluation as StoredEvaluation | null | undefined;
  const { adapter, base, comparison, rows } = stored ?? {};
  if (!adapter?.total || adapter.correct === undefined || !base?.total || base.correct === undefined)
    return null;
  const rowOf = (model: string) => rows?.find((row) => row.model === model && row.questions === 'all');
  const ofAdapter = rangeOf(comparison?.models?.candidate?.exact ?? rowOf('adapter'));
  const ofBase = rangeOf(comparison?.models?.base?.exact ?? rowOf('base'));
  return {
    ...{ adapter: adapter.correct / adapter.total, base: base.correct / base.total, items: adapter.total },
    ...(ofAdapter && ofBase ? { intervals: { adapter: ofAdapter, base: ofBase } } : {}),
  };
}

function rangeOf({ low, high }: StoredRange = {}): Range | undefined {
  return typeof low === 'number' && typeof high === 'number' ? [low, high] : undefined;
}
