/**
 * Datanet versions: immutable, numbered snapshots of accepted contributions in a fixed order, with their Merkle root (computed
 * by the caller). The database refuses any change to them.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Contribution, DatanetVersion } from '../schema.ts';

/** Makes the next version of a datanet from these contributions, in this order. */
export async function createDatanetVersion(
  tx: Tx,
  {
    datanetId,
    merkleRoot,
    contributionIds,
  }: { readonly datanetId: string; readonly merkleRoot: string; readonly contributionIds: readonly string[] },
): Promise<DatanetVersion> {
  await sql`select 1 from datanet where id = ${datanetId} for update`.execute(tx); // one number at a time
  const version = await tx
    .insertInto('datanetVersion')
    .values({
      id: newId('dnv'),
      datanetId,
      merkleRoot,
      contributionCount: contributionIds.length,
      number: sql`(select coalesce(max(number), 0) + 1 from datanet_version where datanet_id = ${datanetId})`,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const rows = contributionIds.map((contributionId, position) => ({ contributionId, position }));
  await sql`insert into datanet_version_contribution (datanet_version_id, contribution_id, position)
    select ${version.id}, r."contributionId", r.position
    from jsonb_to_recordset(${rows}::jsonb) as r("contributionId" text, position int)`.execute(tx);
  return version;
}

export async function getDatanetVersion(db: Database, id: string): Promise<DatanetVersion | undefined> {
  return db.selectFrom('datanetVersion').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function latestDatanetVersion(
  db: Database,
  datanetId: string,
): Promise<DatanetVersion | undefined> {
  return db
    .selectFrom('datanetVersion')
    .selectAll()
    .where('datanetId', '=', datanetId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Newest first. */
export async function listDatanetVersions(
  db: Database,
  datanetId: string,
): Promise<readonly DatanetVersion[]> {
  return db
    .selectFrom('datanetVersion')
    .selectAll()
    .where('datanetId', '=', datanetId)
    .orderBy('number', 'desc')
    .execute();
}

/** The contributions of a version in its order, also those retracted since. */
export async function contributionsOfVersion(
  db: Database,
  datanetVersionId: string,
): Promise<readonly Contribution[]> {
  return db
    .selectFrom('datanetVersionContribution')
    .innerJoin('contribution', 'contribution.id', 'datanetVersionContribution.contributionId')
    .selectAll('contribution')
    .where('datanetVersionContribution.datanetVersionId', '=', datanetVersionId)
    .orderBy('datanetVersionContribution.position')
    .execute();
}
