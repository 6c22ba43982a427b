// Deposits on a real chain (anvil) into a real database: credited once when final, whatever reorganisations, a front-run permit,
// an RPC that is gone and a process that dies do to them; never credited before.
import { Signature } from 'ethers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Hex } from '../../../contracts/client/chain.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { balances } from '../../../db/ledger/balances.ts';
import { ensureDepositReference } from '../../../db/repositories/deposit-reference-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import type { MarketplaceContext } from '../../../marketplace/marketplace-context.ts';
import { readCoverage } from '../../../marketplace/wallets/chain-coverage.ts';
import { readDeposits } from '../../../marketplace/wallets/read-deposits.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { crashingDatabase } from '../../support/crashing-database.ts';
import { newPerson } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { hashOf } from '../../support/scripted-chain.ts';
import { expectSoundBooks, type SettlementMarket, settlementMarket } from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type TestPerson, testChain } from '../../support/test-chain.ts';

const OPEN = 10n ** 18n;
const database = testDatabase();
const chained = testChain();
const dataDir = temporaryFolder();
let market: SettlementMarket;
let id: string;
let ref: Hex;
let ada: TestPerson;

beforeAll(async () => {
  await prepareJobs(database.url, quietLog);
});
beforeEach(async () => {
  market = settlementMarket(database.db, chained.chain, dataDir);
  ({ id } = await newPerson(database.db));
  ref = await ensureDepositReference(database.db, id, hashOf(id));
  ada = await chained.person(1_000n * OPEN);
});

const round = (on: MarketplaceContext = market) => createWatcher(on, chained.chain).round();
const balance = async () => (await balances(database.db, id)).balanceNano;
const deposits = async () => (await readDeposits(market, chained.chain, id)).deposits;

describe('a deposit', () => {
  it('is shown with its blocks, credited when final, and the vault’s coins cover the books', async () => {
    const txHash = await ada.deposit(25n * OPEN, ref);
    await round();
    expect(await deposits()).toMatchObject([
      { txHash, state: 'pending', blocks: 1, amountNano: openNano('25') },
    ]);
    expect(await balance()).toBe(0n);
    await chained.mine(1);
    await round();
    expect(await deposits()).toMatchObject([{ state: 'pending', blocks: 2, blocksNeeded: 3 }]);
    await chained.mine(1);
    await round();
    expect(await deposits()).toMatchObject([{ state: 'credited' }]);
    expect(await balance()).toBe(openNano('25'));
    expect(await readCoverage(market)).toMatchObject({ covered: true, claimsUnderWayNano: 0n });
    await expectSoundBooks(database.db);
  });

  it('with a permit that somebody else has used up first is credited all the same', async () => {
    const { open, vault } = chained.chain.addresses;
    const deadline = 10_000_000_000n;
    const [amount, nonce] = [7n * OPEN, 0n];
    const domain = { name: 'Open', version: '1', chainId: chained.chain.chainId, verifyingContract: open };
    const fields = ['owner address', 'spender address', 'value uint256', 'nonce uint256', 'deadline uint256'];
    const Permit = fields.map((field) => ({ name: field.split(' ')[0], type: field.split(' ')[1] }));
    const terms = { owner: ada.address, spender: vault, value: amount, nonce, deadline };
    const { v, r, s } = Signature.from(await ada.wallet.signTypedData(domain, { Permit }, terms));
    const eve = await chained.person();
    await eve.call('open', 'permit', [ada.address, vault, amount, deadline, v, r, s]);
    await ada.call('vault', 'depositWithPermit', [amount, ref, deadline, v, r, s]);
    await chained.finalize();
    await round();
    expect(await balance()).toBe(openNano('7'));
  });
});

describe('a reorganisation', () => {
  it('of a credited-looking deposit before finality credits 0 and forgets it', async () => {
    await chained.finalize();
    await ada.deposit(5n * OPEN, ref);
    await round();
    expect(await deposits()).toHaveLength(1);
    await chained.reorg(2);
    await chained.mine(5);
    await round();
    await round();
    expect(await balance()).toBe(0n);
    expect(await deposits()).toEqual([]);
    await ada.deposit(3n * OPEN, ref);
    await chained.finalize();
    await round();
    expect(await balance()).toBe(openNano('3'));
  });
});

describe('an RPC that is gone', () => {
  it('delays a deposit and loses none', async () => {
    await ada.deposit(4n * OPEN, ref);
    await chained.finalize();
    chained.stopRpc();
    expect(await round()).toBeNull();
    chained.startRpc();
    await round();
    expect(await balance()).toBe(openNano('4'));
  });
});

describe('a process that dies in the middle of crediting', () => {
  it('credits once after its restart, at 8 different queries', async () => {
    const crashing = crashingDatabase(database.url);
    const fragile = { ...market, db: crashing.db };
    for (let at = 1; at <= 8; at++) {
      await ada.deposit(1n * OPEN, ref);
      await chained.finalize();
      crashing.arm(at * 4, at % 2 === 0);
      await round(fragile);
      await round();
      expect(await balance(), `query ${at * 4}`).toBe(openNano(String(at)));
    }
    crashing.arm(Number.POSITIVE_INFINITY, false);
    await crashing.close();
    await expectSoundBooks(database.db);
  });
});
