// The watcher on a scripted chain and a real database: a final deposit is credited once whatever the node does; a deposit
// that is not final is shown and never credited; a chain that contradicts what was final stops it until an operator decides.
import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { ensureDepositReference } from '../../../db/repositories/deposit-reference-repository.ts';
import { createPerson } from '../../../db/repositories/person-repository.ts';
import { addWallet } from '../../../db/repositories/wallet-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import type { MarketplaceContext } from '../../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { acceptChain } from '../../../marketplace/wallets/accept-chain.ts';
import { TREASURY_REF } from '../../../marketplace/wallets/deposit-owner.ts';
import { createWatcher, watchChainRegularly } from '../../../marketplace/wallets/watch-chain.ts';
import { crashingDatabase } from '../../support/crashing-database.ts';
import { testDatabase } from '../../support/postgres.ts';
import { rememberingLog } from '../../support/quiet-log.ts';
import {
  addressOf,
  type BareLog,
  hashOf,
  type ScriptedChain,
  scriptedChain,
} from '../../support/scripted-chain.ts';
import { expectBooksHold } from '../../support/test-marketplace.ts';

const database = testDatabase();
const OPEN = 10n ** 18n;
let script: ScriptedChain;
let log: ReturnType<typeof rememberingLog>;
let chainNumber = 0n;
let transactions = 0;

beforeEach(async () => {
  chainNumber += 1n;
  script = scriptedChain({ chainId: chainNumber });
  log = rememberingLog();
  if (chainNumber === 1n) await prepareJobs(database.url, log);
});

function context(db = database.db): MarketplaceContext {
  const settings = { ...DEFAULT_SETTINGS, chainPollMs: 5 };
  const { chain } = script;
  return {
    db,
    chain,
    log,
    settings,
    stopping: new AbortController().signal,
  } as unknown as MarketplaceContext;
}

const round = (market = context()) => createWatcher(market, script.chain).round();

async function person(): Promise<{ readonly id: string; readonly ref: string; readonly wallet: string }> {
  transactions += 1;
  const name = `person-${transactions}`;
  const identity = { platform: 'test', platformUserId: name, displayName: name };
  const made = await transact(database.db, (tx) => createPerson(tx, { pseudonym: name, identity }));
  const { id } = made.ok ? made.person : { id: '' };
  const ref = await ensureDepositReference(database.db, id, hashOf(name));
  return { id, ref, wallet: addressOf(name) };
}

function deposit(
  ref: string,
  open: bigint,
  { from = addressOf('somebody'), txHash }: { readonly from?: string; readonly txHash?: string } = {},
): BareLog {
  transactions += 1;
  return { kind: 'deposit', from, ref, amountWei: open, txHash: txHash ?? hashOf(`tx ${transactions}`) };
}

type Kind = 'user' | 'treasury' | 'claimable' | 'vault';
async function balanceOf(ownerId: string, kind: Kind = 'user'): Promise<bigint> {
  const { rows } = await sql<{ balanceNano: bigint }>`
    select balance_nano from account_now where owner_id = ${ownerId} and kind = ${kind}`.execute(database.db);
  return rows[0]?.balanceNano ?? 0n;
}

const events = () =>
  database.db
    .selectFrom('chainEvent')
    .select(['state', 'blockNumber', 'logIndex', 'amountNano', 'restWei', 'ownerId'])
    .where('chainId', '=', chainNumber)
    .orderBy('blockNumber')
    .orderBy('logIndex')
    .execute();

const states = async () => (await events()).map(({ state }) => state);

describe('a deposit', () => {
  it('is pending until its block is final, then credited once to whose reference it carries', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, 5n * OPEN)]);
    script.mineEmpty(2);
    await round();
    expect(await states()).toEqual(['pending']);
    expect(await balanceOf(id)).toBe(0n);
    script.mine();
    await round();
    await round();
    expect(await states()).toEqual(['credited']);
    expect(await balanceOf(id)).toBe(openNano('5'));
    await expectBooksHold(database.db);
  });

  it('goes to the treasury, to who linked the wallet, or waits under its wallet', async () => {
    const { id, wallet } = await person();
    await transact(database.db, (tx) => addWallet(tx, { personId: id, address: wallet }));
    const treasuryBefore = await balanceOf('treasury', 'treasury');
    const stranger = addressOf(`stranger ${chainNumber}`);
    script.mine([
      deposit(TREASURY_REF, 7n * OPEN),
      deposit(hashOf('no reference'), 2n * OPEN, { from: wallet }),
      deposit(hashOf('no reference'), 3n * OPEN, { from: stranger }),
    ]);
    script.mineEmpty(3);
    await round();
    expect((await balanceOf('treasury', 'treasury')) - treasuryBefore).toBe(openNano('7'));
    expect(await balanceOf(id)).toBe(openNano('2'));
    expect(await balanceOf(`wallet:${stranger}`)).toBe(openNano('3'));
  });

  it('of 1 nano and 999,999,999 wei credits 1 nano; one below a nano credits nothing; both show the rest', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, 1_999_999_999n), deposit(ref, 12n)]);
    script.mineEmpty(3);
    await round();
    expect(await balanceOf(id)).toBe(1n);
    expect(await events()).toMatchObject([
      { state: 'credited', amountNano: 1n, restWei: 999_999_999n },
      { state: 'final', amountNano: 0n, restWei: 12n },
    ]);
  });

  it('told twice, in one answer and in every later one, is credited once', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    script.bend = (logs) => [...logs, ...logs];
    await round();
    script.mineEmpty(1);
    await round();
    await Promise.all([round(), round(), round()]);
    expect(await balanceOf(id)).toBe(openNano('1'));
  });
});

describe('a reorganisation', () => {
  it('of a credited-looking deposit before finality credits 0 and leaves it orphaned', async () => {
    const { id, ref } = await person();
    script.mineEmpty(3);
    script.mine([deposit(ref, 5n * OPEN)]);
    script.mineEmpty(2);
    await round();
    script.dropBlocks(3);
    script.mineEmpty(8);
    await round();
    await round();
    expect(await states()).toEqual(['orphaned']);
    expect(await balanceOf(id)).toBe(0n);
  });

  it('that moves a deposit to another block and log index credits it once', async () => {
    const { id, ref } = await person();
    const log = deposit(ref, 5n * OPEN);
    script.mineEmpty(3);
    script.mine([log]);
    await round();
    script.dropBlocks(1);
    script.mine();
    script.mine([log], 4);
    script.mineEmpty(4);
    await round();
    await round();
    expect(await events()).toMatchObject([
      { state: 'orphaned', blockNumber: 4n, logIndex: 0 },
      { state: 'credited', blockNumber: 5n, logIndex: 4 },
    ]);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });

  it('that brings a dropped deposit back to its first place credits it once', async () => {
    const { id, ref } = await person();
    const log = deposit(ref, 5n * OPEN);
    script.mineEmpty(3);
    script.mine([log]);
    await round();
    script.dropBlocks(1);
    script.mineEmpty(1);
    await round();
    expect(await states()).toEqual(['orphaned']);
    script.mine([log]);
    await round();
    expect(await states()).toEqual(['pending']);
    script.mineEmpty(3);
    await round();
    expect(await states()).toEqual(['credited']);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });

  it('between the logs and the check of their blocks credits nothing in that round', async () => {
    const { id, ref } = await person();
    script.mineEmpty(3);
    script.mine([deposit(ref, 5n * OPEN)]);
    script.mineEmpty(3);
    let logsTold = 0;
    script.before = (method) => {
      if (method === 'logs') logsTold += 1;
      if (method !== 'blockAt' || logsTold === 0) return;
      script.before = null;
      script.dropBlocks(4);
      script.mineEmpty(6);
    };
    expect(await round()).toMatchObject({ state: 'behind' });
    expect(await balanceOf(id)).toBe(0n);
    await round();
    expect(await balanceOf(id)).toBe(0n);
  });
});

describe('a reorganisation below a final block', () => {
  async function deepReorg(): Promise<{ id: string; ref: string; first: BareLog }> {
    const { id, ref } = await person();
    const first = deposit(ref, 5n * OPEN);
    script.mineEmpty(2);
    script.mine([first]);
    script.mineEmpty(4);
    await round();
    expect(await balanceOf(id)).toBe(openNano('5'));
    script.dropBlocks(6);
    return { id, ref, first };
  }

  it('stops crediting, takes nothing back, and says so once', async () => {
    const { id, ref } = await deepReorg();
    script.mine([deposit(ref, 9n * OPEN)]);
    script.mineEmpty(9);
    const watcher = createWatcher(context(), script.chain);
    for (let i = 0; i < 3; i++) expect(await watcher.round()).toMatchObject({ state: 'stopped' });
    expect(await balanceOf(id)).toBe(openNano('5'));
    expect(
      log.lines.filter((line) => line.includes('credits nothing until an operator decides')),
    ).toHaveLength(1);
    expect(log.lines.join()).toContain('reorganised below a final block');
  });

  it('once an operator decides: new deposits count, old ones that came back at another index do not count twice', async () => {
    const { id, ref, first } = await deepReorg();
    script.mineEmpty(1);
    script.mine([deposit(ref, 9n * OPEN), first], 3);
    script.mineEmpty(9);
    await round();
    const accepted = await acceptChain(context(), script.chain);
    expect(accepted).toMatchObject({ ok: true, lostDeposits: 1, lostNano: openNano('5') });
    await round();
    await round();
    expect(await balanceOf(id)).toBe(openNano('14'));
    expect(await states()).toEqual(['credited', 'credited']);
    expect(await acceptChain(context(), script.chain)).toEqual({ ok: false, code: 'no_alarm' });
    await expectBooksHold(database.db);
  });

  it('a deposit that did not come back stays credited and is counted as lost', async () => {
    const { id } = await deepReorg();
    script.mineEmpty(9);
    await round();
    await acceptChain(context(), script.chain);
    await round();
    expect(await states()).toEqual(['lost']);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });
});

describe('a node that', () => {
  it('does not answer is asked again; one warning, and word when it is back', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    const watcher = createWatcher(context(), script.chain);
    script.failures = 3;
    for (let i = 0; i < 3; i++) expect(await watcher.round()).toBeNull();
    await watcher.round();
    expect(await balanceOf(id)).toBe(openNano('1'));
    expect(log.lines.filter((line) => line.startsWith('the chain cannot be read'))).toHaveLength(1);
    expect(log.lines.filter((line) => line.startsWith('the watcher follows the chain again'))).toHaveLength(
      1,
    );
  });

  it('fails at any single call costs at most a round: credited once', async () => {
    const { id, ref } = await person();
    for (let at = 1; at <= 12; at++) {
      script.mine([deposit(ref, OPEN)]);
      script.mineEmpty(3);
      let calls = 0;
      script.before = () => {
        calls += 1;
        if (calls === at) script.failures = 1;
      };
      await round();
      script.before = null;
      script.failures = 0;
      await round();
      expect(await balanceOf(id), `call ${at}`).toBe(openNano(String(at)));
    }
  });

  it('takes 7 blocks at a time is asked for fewer until it answers, from the first block on', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(60);
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    script.rangeMax = 7n;
    const watcher = createWatcher(context(), script.chain);
    for (let i = 0; i < 25; i++) await watcher.round();
    expect(await balanceOf(id)).toBe(openNano('2'));
  });

  it('leaves out a log it told before is not believed: nothing is passed over', async () => {
    const { id, ref } = await person();
    script.mineEmpty(2);
    script.mine([deposit(ref, OPEN)]);
    await round();
    script.mineEmpty(3);
    script.bend = () => [];
    expect(await round()).toMatchObject({ state: 'behind', why: expect.stringContaining('leaves out log') });
    script.bend = (logs) => logs;
    await round();
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('told of nothing in a final block it had not caught up with tells it in a later round', async () => {
    const { id, ref } = await person();
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    script.bend = () => [];
    await round();
    script.bend = (logs) => logs;
    script.mineEmpty(1);
    await round();
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('falls back behind what was final is waited for', async () => {
    script.mineEmpty(10);
    await round();
    script.finality = 8;
    expect(await round()).toMatchObject({ state: 'behind' });
    script.finality = 3;
    expect(await round()).toMatchObject({ state: 'followed' });
  });
});

describe('a claim', () => {
  it('takes from what was claimable, once', async () => {
    const { id, ref, wallet } = await person();
    script.mine([deposit(ref, 5n * OPEN)]);
    script.mineEmpty(3);
    await round();
    const sources = [{ kind: 'user', ownerId: id, amountNano: openNano('4') }] as const;
    await transact(database.db, (tx) => payout(tx, { key: `payout ${id}`, wallet, sources }));
    const vaultBefore = await balanceOf('vault', 'vault');
    const txHash = hashOf(`claim ${id}`);
    script.mine([{ kind: 'claim', account: wallet, amountWei: 3n * OPEN, cumulativeWei: 3n * OPEN, txHash }]);
    script.mineEmpty(3);
    await round();
    await round();
    expect(await balanceOf(wallet, 'claimable')).toBe(openNano('1'));
    expect((await balanceOf('vault', 'vault')) - vaultBefore).toBe(openNano('3'));
    await expectBooksHold(database.db);
  });

  it('beyond what the books gave out stops the watcher and changes nothing', async () => {
    const account = addressOf('a thief');
    const txHash = hashOf('theft');
    script.mine([{ kind: 'claim', account, amountWei: OPEN, cumulativeWei: OPEN, txHash }]);
    script.mineEmpty(3);
    expect(await round()).toMatchObject({
      state: 'stopped',
      alarm: expect.stringContaining('the books had 0'),
    });
    expect(await states()).toEqual([]);
  });
});

describe('the vault’s coins', () => {
  it('below what the books say are told once, and again when they are back', async () => {
    const { ref } = await person();
    script.mine([deposit(ref, 5n * OPEN)]);
    script.mineEmpty(3);
    const watcher = createWatcher(context(), script.chain);
    const booked = -(await balanceOf('vault', 'vault')) + openNano('5');
    for (let i = 0; i < 4; i++) await watcher.round();
    expect(log.lines.filter((line) => line.includes('holds fewer coins'))).toHaveLength(1);
    script.vaultNow = { ...script.vaultNow, coinsWei: booked * 10n ** 9n };
    await watcher.round();
    expect(log.lines.filter((line) => line.includes('covers the books again'))).toHaveLength(1);
  });
});

describe.each([
  ['before a query', false],
  ['between a query and its answer', true],
])('a process that dies %s', (_, answerOnly) => {
  it('credits each deposit once after its restart', async () => {
    const crashing = crashingDatabase(database.url);
    const { id, ref } = await person();
    const fragile = context(crashing.db);
    const place = () => {
      script.mine([deposit(ref, OPEN), deposit(ref, OPEN)]);
      script.mineEmpty(3);
    };
    place();
    crashing.arm(Number.POSITIVE_INFINITY, false);
    await round(fragile);
    const total = crashing.queries;
    expect(total).toBeGreaterThan(20);
    let placed = 2n;
    for (let at = 1; at <= total; at++) {
      place();
      placed += 2n;
      crashing.arm(at, answerOnly);
      await round(fragile);
      await round();
      expect(await balanceOf(id), `query ${at} of ${total}`).toBe(placed * openNano('1'));
    }
    crashing.arm(Number.POSITIVE_INFINITY, false);
    await crashing.close();
    await expectBooksHold(database.db);
  });
});

describe('the loop', () => {
  it('follows until it is stopped, through faults', async () => {
    const { id, ref } = await person();
    const watching = watchChainRegularly(context());
    script.failures = 1;
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    await expect.poll(() => balanceOf(id)).toBe(openNano('1'));
    await watching.stop();
    script.mine([deposit(ref, OPEN)]);
    script.mineEmpty(3);
    const asked = script.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(script.asked).toHaveLength(asked);
  });

  it('does nothing where there is no chain', async () => {
    await watchChainRegularly({ ...context(), chain: null }).stop();
  });
});
