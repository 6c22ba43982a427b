/**
 * Consent: which text and licence a person agreed to for a datanet, said once and kept until it is withdrawn.
 */
import type { Database, Tx } from '../database.ts';
import type { Consent } from '../schema.ts';
import { recordLifecycle } from './lifecycle.ts';

/** Records consent; saying it again changes nothing. */
export async function giveConsent(
  tx: Tx,
  consent: {
    readonly personId: string;
    readonly datanetId: string;
    readonly textVersion: string;
    readonly licence: string;
  },
): Promise<void> {
  await tx
    .insertInto('consent')
    .values(consent)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

interface ConsentKey {
  readonly personId: string;
  readonly datanetId: string;
  readonly textVersion: string;
}

const consentTo = (db: Database | Tx, { personId, datanetId, textVersion }: ConsentKey) =>
  db
    .selectFrom('consent')
    .selectAll()
    .where('personId', '=', personId)
    .where('datanetId', '=', datanetId)
    .where('textVersion', '=', textVersion);

/** The consent to this very text, if it was given. */
export async function findConsent(db: Database, key: ConsentKey): Promise<Consent | undefined> {
  return consentTo(db, key).executeTakeFirst();
}

/** The same, and it stays until the transaction ends: whoever withdraws it meanwhile finds what was stored under it. */
export async function holdConsent(tx: Tx, key: ConsentKey): Promise<Consent | undefined> {
  return consentTo(tx, key).forShare().executeTakeFirst();
}

export async function consentsOf(db: Database, personId: string): Promise<readonly Consent[]> {
  return db
    .selectFrom('consent')
    .selectAll()
    .where('personId', '=', personId)
    .orderBy('givenAt')
    .orderBy('datanetId')
    .execute();
}

/** Ends every consent of a person and gives them back; that they were given, and when they ended, stays written down. */
export async function endConsents(tx: Tx, personId: string): Promise<readonly Consent[]> {
  const ended = await tx.deleteFrom('consent').where('personId', '=', personId).returningAll().execute();
  for (const { datanetId, textVersion, givenAt } of ended) {
    await recordLifecycle(tx, {
      subject: 'consent',
      id: `${personId}/${datanetId}`,
      from: 'given',
      to: 'withdrawn',
      cause: `text ${textVersion}, given ${givenAt.toISOString()}`,
    });
  }
  return ended;
}
