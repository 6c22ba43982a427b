// The settlement killed at every single query, before it and between it and its answer: after a restart the epoch is posted
// once, everybody is paid once, and the books hold. Killed, too, between the chain and the record of what it did.
// Every second query each way; all of them with SETTLEMENT_CRASHES=all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainFault } from '../../../contracts/client/chain.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { newestEpoch } from '../../../db/repositories/epoch-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { settleStep } from '../../../marketplace/payouts/settle-step.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { crashingDatabase } from '../../support/crashing-database.ts';
import type { World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { addressOf } from '../../support/scripted-chain.ts';
import { type ScriptedVault, scriptedVault } from '../../support/scripted-vault.ts';
import {
  balanceOf,
  expectSoundBooks,
  give,
  personWithWallet,
  receipts,
  type SettlementMarket,
  settlementMarket,
  settleUntil,
  someWorld,
} from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = testDatabase();
const dataDir = temporaryFolder();
const wallets = [addressOf('ada'), addressOf('ben')] as const;
let world: World;
let script: ScriptedVault;
let crashing: ReturnType<typeof crashingDatabase>;
let market: SettlementMarket;
let fragile: SettlementMarket;
let persons: readonly string[];

beforeAll(async () => {
  world = await someWorld(database.db);
  script = scriptedVault();
  script.deposit(10_000n * 10n ** 18n);
  script.finalize();
  await prepareJobs(database.url, quietLog);
  market = settlementMarket(database.db, script.chain, dataDir);
  await createWatcher(market, script.chain).round();
  crashing = crashingDatabase(database.url);
  fragile = settlementMarket(crashing.db, script.chain, dataDir);
  persons = await Promise.all(wallets.map((wallet) => personWithWallet(database.db, wallet)));
});
afterAll(async () => {
  crashing.arm(Number.POSITIVE_INFINITY, false);
  await crashing.close();
});

const STRIDE = process.env.SETTLEMENT_CRASHES === 'all' ? 1 : 2;
const LONG_MS = 300_000;

let rounds = 0;

/** Something to settle: a receipt, 0.5 OPEN for each of two people. */
async function earn(): Promise<void> {
  rounds += 1;
  await receipts(database.db, world, 1);
  for (const personId of persons) await give(database.db, personId, '0.5');
}

/** One epoch as far as it comes: to its finality, or to the death of the process. */
async function settleEpoch(on: SettlementMarket): Promise<void> {
  for (let steps = 0; steps < 10; steps++) {
    const step = await settleStep(on, script.chain);
    if (step.did === 'sent') script.finalize();
    if (step.did === 'final') return;
  }
  throw new Error('the epoch did not become final');
}

/** After a restart: what the dead process began is brought to its end, and only that. */
async function settleRest(posted: number, where: string): Promise<void> {
  const rest = await settleUntil(market, ['nothing', 'waiting_for_finality']);
  if (rest.did !== 'nothing') {
    script.finalize();
    await settleUntil(market, ['nothing']);
  }
  expect(script.posted.length, where).toBe(posted);
  expect((await newestEpoch(database.db))?.state, where).toBe('final');
  const due = openNano('0.5') * BigInt(rounds);
  for (const wallet of wallets) expect(await balanceOf(database.db, wallet, 'claimable'), where).toBe(due);
}

describe.each([
  ['before a query', false],
  ['between a query and its answer', true],
])('a process that dies %s', (_, answerOnly) => {
  it(
    'while an epoch is cut, built, posted and followed: one posting, everybody paid once',
    async () => {
      await earn();
      crashing.arm(Number.POSITIVE_INFINITY, false);
      await settleEpoch(fragile);
      const total = crashing.queries;
      expect(total).toBeGreaterThan(50);
      let posted = script.posted.length;
      for (let at = answerOnly ? STRIDE : 1; at <= total; at += STRIDE) {
        await earn();
        const where = `query ${at} of ${total}`;
        crashing.arm(at, answerOnly);
        await settleEpoch(fragile).catch(() => undefined);
        posted += 1;
        await settleRest(posted, where);
      }
      await expectSoundBooks(database.db);
    },
    LONG_MS,
  );
});

describe('a process that dies between the chain and its record', () => {
  it.each(['signEpoch', 'send', 'txState'] as const)('in %s: one posting', async (method) => {
    await earn();
    const before = script.posted.length;
    script.failNext.set(method, new ChainFault('chain_unreachable', 'the process died', 'after'));
    await expect(settleEpoch(market)).rejects.toThrow('the process died');
    await settleRest(before + 1, method);
  });
});
