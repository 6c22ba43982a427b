// What becomes of a payout when the world moves between its plan and its posting: a wallet that is unlinked, a wish for which
// there is too little room.
import { sql } from 'kysely';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { transact } from '../../../db/database.ts';
import { openNano, ZERO_NANO } from '../../../db/ledger/amount.ts';
import { askedWithdrawal } from '../../../db/repositories/payout-repository.ts';
import { endWallet } from '../../../db/repositories/wallet-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { askBack } from '../../../marketplace/payouts/ask-back.ts';
import { payOut } from '../../../marketplace/payouts/pay-out.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { addressOf } from '../../support/scripted-chain.ts';
import { type ScriptedVault, scriptedVault } from '../../support/scripted-vault.ts';
import {
  balanceOf,
  expectSoundBooks,
  give,
  personWithWallet,
  type SettlementMarket,
  settlementMarket,
} from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const OPEN = 10n ** 18n;
const database = testDatabase();
let script: ScriptedVault;
let market: SettlementMarket;
beforeAll(async () => {
  script = scriptedVault({ growthCapWei: 10n * OPEN });
  script.deposit(1_000n * OPEN);
  script.finalize();
  await prepareJobs(database.url, quietLog);
  market = settlementMarket(database.db, script.chain, temporaryFolder());
  await createWatcher(market, script.chain).round();
});

const payNow = async (epochNumber: number): Promise<unknown> =>
  payOut(market, await script.chain.vault(), { epochNumber, postedNano: ZERO_NANO });

describe('a payout', () => {
  it('does not go to a wallet that its person unlinks in the same moment', async () => {
    const { db } = database;
    const wallet = addressOf('in other hands');
    const personId = await personWithWallet(db, wallet);
    await give(db, personId, '3');
    let isPaid = false;
    let paying: Promise<void> | undefined;
    await transact(db, async (tx) => {
      await endWallet(tx, personId);
      paying = payNow(1).then(() => {
        isPaid = true;
      });
      await vi.waitFor(
        async () => {
          const { rows } = await sql`select 1 from pg_locks where not granted`.execute(db);
          expect(isPaid || rows.length > 0).toBe(true);
        },
        { timeout: 10_000, interval: 10 },
      );
    });
    await paying;
    expect(await balanceOf(db, wallet, 'claimable')).toBe(0n);
    expect(await balanceOf(db, personId, 'contributor')).toBe(openNano('3'));
  });

  it('of paid-in OPEN that finds room for a part leaves the rest asked for', async () => {
    const { db } = database;
    const wallet = addressOf('large wish');
    const personId = await personWithWallet(db, wallet);
    await give(db, personId, '25', 'user');
    const wishes = ['16', '16', '16', '16'].map((typed) => askBack(market, personId, typed));
    expect((await Promise.all(wishes)).map(({ ok }) => ok)).toEqual([true, true, true, true]);
    await payNow(2);
    expect(await balanceOf(db, wallet, 'claimable')).toBe(openNano('10'));
    expect(await askedWithdrawal(db, personId)).toMatchObject({ amountNano: openNano('6') });
    expect(await balanceOf(db, personId, 'user')).toBe(openNano('15'));
    await expectSoundBooks(db);
  });
});
