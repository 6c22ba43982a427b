/**
 * Consent: which text and licence a person agreed to for a datanet, said once and kept.
 */
import type { Database, Tx } from '../database.ts';
import type { Consent } from '../schema.ts';

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

/** The consent to this very text, if it was given. */
export async function findConsent(
  db: Database,
  {
    personId,
    datanetId,
    textVersion,
  }: { readonly personId: string; readonly datanetId: string; readonly textVersion: string },
): Promise<Consent | undefined> {
  return db
    .selectFrom('consent')
    .selectAll()
    .where('personId', '=', personId)
    .where('datanetId', '=', datanetId)
    .where('textVersion', '=', textVersion)
    .executeTakeFirst();
}
