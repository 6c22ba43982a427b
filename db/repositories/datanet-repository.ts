/**
 * Datanets: named, licensed collections of contributions on one subject. State changes are recorded (lifecycle.ts).
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Datanet, DatanetState, JsonObject } from '../schema.ts';
import { recordLifecycle, type Transition, type TransitionResult, transition } from './lifecycle.ts';

type CreateDatanetResult =
  | { readonly ok: true; readonly datanet: Datanet }
  | { readonly ok: false; readonly code: 'slug_taken' };

export async function createDatanet(
  tx: Tx,
  datanet: {
    readonly slug: string;
    readonly title: string;
    readonly description: string;
    readonly licence: string;
    readonly ownerId: string;
    readonly conditions?: JsonObject;
    readonly state?: DatanetState;
  },
): Promise<CreateDatanetResult> {
  const row = await tx
    .insertInto('datanet')
    .values({ ...datanet, id: newId('datanet') })
    .onConflict((conflict) => conflict.column('slug').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) return { ok: false, code: 'slug_taken' };
  await recordLifecycle(tx, { subject: 'datanet', id: row.id, from: null, to: row.state, cause: 'created' });
  return { ok: true, datanet: row };
}

export async function getDatanet(db: Database, id: string): Promise<Datanet | undefined> {
  return db.selectFrom('datanet').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function getDatanetBySlug(db: Database, slug: string): Promise<Datanet | undefined> {
  return db.selectFrom('datanet').selectAll().where('slug', '=', slug).executeTakeFirst();
}

export async function listDatanets(db: Database): Promise<readonly Datanet[]> {
  return db.selectFrom('datanet').selectAll().where('state', '<>', 'retired').orderBy('createdAt').execute();
}

export async function transitionDatanet(tx: Tx, change: Transition<DatanetState>): Promise<TransitionResult> {
  return transition(tx, 'datanet', change);
}

interface DatanetProgress {
  readonly submitted: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly retracted: number;
  /** Distinct people with an accepted contribution. */
  readonly contributors: number;
  /** Accepted contributions that are in no version yet. */
  readonly acceptedSinceVersion: number;
}

export async function datanetProgress(db: Database, datanetId: string): Promise<DatanetProgress> {
  const { rows } = await sql<DatanetProgress>`
    select count(*) filter (where c.state = 'submitted')::int as submitted,
      count(*) filter (where c.state = 'accepted')::int as accepted,
      count(*) filter (where c.state = 'rejected')::int as rejected,
      count(*) filter (where c.state = 'retracted')::int as retracted,
      count(distinct c.person_id) filter (where c.state = 'accepted')::int as contributors,
      count(*) filter (where c.state = 'accepted' and not exists (
        select 1 from datanet_version_contribution v where v.contribution_id = c.id))::int as accepted_since_version
    from contribution c where c.datanet_id = ${datanetId}`.execute(db);
  return rows[0];
}

interface DatanetContributor {
  readonly personId: string;
  readonly pseudonym: string;
  readonly accepted: number;
}

/** Who has accepted contributions, most first. */
export async function datanetContributors(
  db: Database,
  datanetId: string,
  limit: number,
): Promise<readonly DatanetContributor[]> {
  const { rows } = await sql<DatanetContributor>`
    select p.id as person_id, p.pseudonym, count(*)::int as accepted
    from contribution c join person p on p.id = c.person_id
    where c.datanet_id = ${datanetId} and c.state = 'accepted'
    group by p.id order by accepted desc, p.seq limit ${limit}`.execute(db);
  return rows;
}
