/**
 * Short hands for ledger tests: give a person money, hold for a call, and the proof that the books still balance.
 */
import { expect } from 'vitest';
import { type Database, transact } from '../../db/database.ts';
import { type Nano, openNano } from '../../db/ledger/amount.ts';
import { books } from '../../db/ledger/books.ts';
import { type HoldResult, hold } from '../../db/ledger/hold.ts';
import { grantStarter, TREASURY, transfer } from '../../db/ledger/transfer.ts';
import { newId } from '../../db/new-id.ts';

/** A new owner with this grant and this balance, in OPEN. */
export async function personWith(
  db: Database,
  { grant = '0', balance = '0' }: { readonly grant?: string; readonly balance?: string },
): Promise<string> {
  const personId = newId('person');
  if (grant !== '0') await transact(db, (tx) => grantStarter(tx, { personId, amountNano: openNano(grant) }));
  if (balance !== '0') await fund(db, personId, balance);
  return personId;
}

/** Pays this much OPEN from the treasury into a person's balance. */
export async function fund(db: Database, personId: string, open: string): Promise<void> {
  const to = { kind: 'user', ownerId: personId } as const;
  const amountNano = openNano(open);
  const intent = { key: newId('topup'), from: TREASURY, to, amountNano, reason: 'test' };
  await transact(db, (tx) => transfer(tx, intent));
}

export async function holdFor(
  db: Database,
  ownerId: string,
  amountNano: Nano,
  callId: string = newId('call'),
  expiresAt: Date = new Date(Date.now() + 3_600_000),
): Promise<HoldResult> {
  return transact(db, (tx) => hold(tx, { key: `hold:${callId}`, ownerId, amountNano, callId, expiresAt }));
}

export async function expectBooksToBalance(db: Database): Promise<void> {
  const { invariants } = await books(db);
  expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
}
