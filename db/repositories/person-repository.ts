/**
 * People and the platform identities by which they are known. Pseudonyms are chosen by the caller; a person never shows more.
 */
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Identity, Person } from '../schema.ts';

interface IdentityRef {
  readonly platform: string;
  readonly platformUserId: string;
}

export async function findPersonByIdentity(db: Database, identity: IdentityRef): Promise<Person | undefined> {
  return db
    .selectFrom('person')
    .innerJoin('identity', 'identity.personId', 'person.id')
    .selectAll('person')
    .where('identity.platform', '=', identity.platform)
    .where('identity.platformUserId', '=', identity.platformUserId)
    .executeTakeFirst();
}

type CreatePersonResult =
  | { readonly ok: true; readonly person: Person }
  /** Somebody was faster: that person. */
  | { readonly ok: false; readonly code: 'identity_known'; readonly person: Person }
  | { readonly ok: false; readonly code: 'pseudonym_taken' };

/** Creates a person with a first identity. `displayName` is the platform's name for them, kept for their own eyes only. */
export async function createPerson(
  tx: Tx,
  {
    pseudonym,
    identity,
  }: { readonly pseudonym: string; readonly identity: IdentityRef & { readonly displayName: string } },
): Promise<CreatePersonResult> {
  const person = await tx
    .insertInto('person')
    .values({ id: newId('person'), pseudonym })
    .onConflict((conflict) => conflict.column('pseudonym').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!person) {
    const known = await findPersonByIdentity(tx, identity);
    return known
      ? { ok: false, code: 'identity_known', person: known }
      : { ok: false, code: 'pseudonym_taken' };
  }
  const linked = await linkIdentity(tx, { ...identity, personId: person.id });
  if (linked) return { ok: true, person };
  await tx.deleteFrom('person').where('id', '=', person.id).execute();
  const known = await findPersonByIdentity(tx, identity);
  if (!known) throw new Error(`identity ${identity.platform} vanished while a person was created`);
  return { ok: false, code: 'identity_known', person: known };
}

/** Gives a person another identity; false when somebody has it already. */
export async function linkIdentity(
  tx: Tx,
  identity: IdentityRef & { readonly personId: string; readonly displayName: string },
): Promise<boolean> {
  const { platform, platformUserId, personId, displayName } = identity;
  const result = await tx
    .insertInto('identity')
    .values({ platform, platformUserId, personId, displayName })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function getPerson(db: Database, id: string): Promise<Person | undefined> {
  return db.selectFrom('person').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function getPersons(db: Database, ids: readonly string[]): Promise<readonly Person[]> {
  if (ids.length === 0) return [];
  return db.selectFrom('person').selectAll().where('id', 'in', ids).execute();
}

export async function identitiesOf(db: Database, personId: string): Promise<readonly Identity[]> {
  return db
    .selectFrom('identity')
    .selectAll()
    .where('personId', '=', personId)
    .orderBy('createdAt')
    .execute();
}
