/**
 * Which datanet versions and model versions the registry on chain has: what is left to record there, oldest first. Used by
 * marketplace/payouts. The registry is the truth; rows here only save asking it again.
 */

import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { ChainRecordKind } from '../schema-epoch.ts';

export async function unrecordedDatanetVersion(
  db: Database,
): Promise<
  { readonly id: string; readonly slug: string; readonly number: number; readonly root: string } | undefined
> {
  return db
    .selectFrom('datanetVersion')
    .innerJoin('datanet', 'datanet.id', 'datanetVersion.datanetId')
    .leftJoin('chainRecord', (join) =>
      join
        .onRef('chainRecord.subjectId', '=', 'datanetVersion.id')
        .on('chainRecord.subjectKind', '=', 'datanet_version'),
    )
    .select([
      'datanetVersion.id',
      'datanet.slug',
      'datanetVersion.number',
      'datanetVersion.merkleRoot as root',
    ])
    .where('chainRecord.subjectId', 'is', null)
    .where('datanetVersion.merkleRoot', '~', '^0x[0-9a-f]{64}$')
    .orderBy('datanetVersion.createdAt')
    .orderBy('datanetVersion.id')
    .limit(1)
    .executeTakeFirst();
}

/** A version that answers or answered: candidates and rejected ones are nobody's business. */
export async function unrecordedModelVersion(db: Database): Promise<
  | {
      readonly id: string;
      readonly slug: string;
      readonly number: number;
      /** Relative to the data folder. */
      readonly adapterDir: string;
      readonly datanetRoot: string;
    }
  | undefined
> {
  return db
    .selectFrom('modelVersion')
    .innerJoin('model', 'model.id', 'modelVersion.modelId')
    .innerJoin('datanetVersion', 'datanetVersion.id', 'modelVersion.datanetVersionId')
    .leftJoin('chainRecord', (join) =>
      join
        .onRef('chainRecord.subjectId', '=', 'modelVersion.id')
        .on('chainRecord.subjectKind', '=', 'model_version'),
    )
    .select([
      'modelVersion.id',
      'model.slug',
      'modelVersion.number',
      'modelVersion.adapterDir',
      'datanetVersion.merkleRoot as datanetRoot',
    ])
    .where('chainRecord.subjectId', 'is', null)
    .where('modelVersion.state', 'in', ['published', 'superseded'])
    .where('datanetVersion.merkleRoot', '~', '^0x[0-9a-f]{64}$')
    .orderBy('modelVersion.createdAt')
    .orderBy('modelVersion.id')
    .limit(1)
    .executeTakeFirst();
}

/** @param problem why it cannot be recorded; null = it stands there */
export async function noteRecorded(
  db: Database,
  subjectKind: ChainRecordKind,
  subjectId: string,
  problem: string | null,
): Promise<void> {
  await db
    .insertInto('chainRecord')
    .values({ subjectKind, subjectId, problem, recordedAt: sql`now()` })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
