/** Each verb of the ledger asks the database once, whatever it posts. */
import type { KyselyPlugin } from 'kysely';
import { expect, test } from 'vitest';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { claim } from '../../../db/ledger/claim.ts';
import { correction } from '../../../db/ledger/correction.ts';
import { deposit } from '../../../db/ledger/deposit.ts';
import { hold } from '../../../db/ledger/hold.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { refund } from '../../../db/ledger/refund.ts';
import { splitPool } from '../../../db/ledger/split-pool.ts';
import { grantStarter, PLATFORM, TREASURY, transfer } from '../../../db/ledger/transfer.ts';
import { voidHold } from '../../../db/ledger/void-hold.ts';
import { newId } from '../../../db/new-id.ts';
import { expectBooksToBalance } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

test('eleven verbs, one question to the database each', async () => {
  let asked = 0;
  const counter: KyselyPlugin = {
    transformQuery({ node }) {
      asked += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const db = database.db.withPlugin(counter);
  const trips: Record<string, number> = {};
  async function counted<Result extends { readonly ok: boolean }>(
    verb: string,
    posting: Promise<Result>,
  ): Promise<Extract<Result, { readonly ok: true }>> {
    const result = await posting;
    trips[verb] = asked;
    asked = 0;
    if (!result.ok) throw new Error(`${verb}: ${JSON.stringify(result)}`);
    return result as Extract<Result, { readonly ok: true }>;
  }
  const [ownerId, maker, callId, otherId] = ['person', 'person', 'call', 'call'].map(newId);
  const wallet = `0x${'a1'.repeat(20)}`;
  const expiresAt = new Date(Date.now() + 60_000);
  const one = openNano('1');
  const user = { kind: 'user', ownerId } as const;

  await counted('grant', grantStarter(db, { personId: ownerId, amountNano: one }));
  const coins = { key: newId('deposit'), to: user, amountNano: openNano('5'), reason: '0x1' };
  await counted('deposit', deposit(db, coins));
  const first = { key: newId('hold'), ownerId, amountNano: openNano('3'), callId, expiresAt };
  const held = await counted('hold', hold(db, first));
  const parts = [
    { kind: 'call_pool', ownerId: callId, amountNano: one },
    { ...PLATFORM, amountNano: one },
  ] as const;
  const price = { key: newId('capture'), holdId: held.holdId, priceNano: openNano('2'), parts };
  await counted('capture', capture(db, price));
  const shares = [{ ownerId: maker, amountNano: one }];
  await counted('split', splitPool(db, { key: newId('split'), callId, shares }));
  const back = { key: newId('refund'), callId, amountNano: openNano('0.5'), reason: 'wrong' };
  await counted('refund', refund(db, back));
  const second = { ...first, key: newId('hold'), callId: otherId };
  const other = await hold(db, second);
  if (!other.ok) throw new Error(other.code);
  asked = 0;
  await counted('void', voidHold(db, { key: newId('void'), holdId: other.holdId, reason: 'failed' }));
  const source = { kind: 'contributor', ownerId: maker, amountNano: 'all' } as const;
  const paid = await counted('payout', payout(db, { key: newId('payout'), wallet, sources: [source] }));
  expect(paid.paidNano).toBe(one);
  await counted('claim', claim(db, { key: newId('claim'), wallet, amountNano: one, reason: '0x2' }));
  const move = { from: TREASURY, to: user, amountNano: nano(1n), reason: 'put right' };
  await counted('transfer', transfer(db, { ...move, key: newId('transfer') }));
  await counted('correction', correction(db, { ...move, key: newId('correction') }));

  expect(Object.keys(trips)).toHaveLength(11);
  expect(Object.values(trips)).toEqual(new Array(11).fill(1));
  await expectBooksToBalance(database.db);
});
