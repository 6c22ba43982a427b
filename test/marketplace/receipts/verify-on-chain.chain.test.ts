// A receipt from a paid answer to the registry on chain and back: its epoch is posted to anvil, and the file is checked with
// nothing but an RPC address. Another registry, another chain, an epoch that was never posted and a node that is gone are
// told apart.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnedMarketplace } from '../../../marketplace/create-marketplace.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import type { ReceiptFile } from '../../../marketplace/receipts/receipt-file.ts';
import { rootOnChain } from '../../../marketplace/receipts/root-sources.ts';
import { verifyFile } from '../../../marketplace/receipts/verify-file.ts';
import { TREASURY_REF } from '../../../marketplace/wallets/deposit-owner.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { everyChange } from '../../support/every-change.ts';
import { testDatabase } from '../../support/postgres.ts';
import { settlementMarket, settleUntil } from '../../support/settlement-world.ts';
import { testChain } from '../../support/test-chain.ts';
import {
  ask,
  done,
  newPerson,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
const chained = testChain();
let world: TestMarketplace;
let market: OwnedMarketplace;
let person: Person;

beforeAll(async () => {
  world = await testMarketplace(database);
});
afterAll(() => world.close());

async function receiptOnChain(): Promise<ReceiptFile> {
  market = await world.again(database.db, {}, undefined, { chain: chained.chain });
  person = await newPerson(market);
  const { callId, receiptNumber } = done(await ask(market, person, 'What is the capital of Kenya?'));
  await market.attributeNow(callId);
  const settlement = settlementMarket(database.db, chained.chain, world.dataDir);
  await chained.operator.deposit(100n * 10n ** 18n, TREASURY_REF);
  await chained.finalize();
  await createWatcher(settlement, chained.chain).round();
  await settleUntil(settlement, ['sent']);
  await chained.finalize();
  await settleUntil(settlement, ['final']);
  const view = await market.receipt({ person, number: receiptNumber });
  return JSON.parse(view?.json ?? '');
}

describe('a receipt whose epoch was posted', () => {
  it('is proven by the registry with an RPC address alone, and false in every other place', async () => {
    const file = await receiptOnChain();
    const { registry, vault } = chained.chain.addresses;
    const url = chained.chain.rpcUrlForWallets;
    expect(file.receipt).toMatchObject({ settlement: { chainId: String(chained.chain.chainId), registry } });
    expect(file.epoch).toMatchObject({ chainId: String(chained.chain.chainId), registry });
    const rootOf = rootOnChain(url);
    const signer = file.signer ?? '';
    expect(await verifyFile(file, { rootOf, signer })).toMatchObject({ ok: true, settlement: 'proven' });
    expect(await verifyFile(file, { rootOf: rootOnChain(url, registry) })).toMatchObject({ ok: true });

    // The vault is a contract, too, but no registry; nothing at all stands at the third address.
    await expect(verifyFile(file, { rootOf: rootOnChain(url, vault) })).rejects.toThrow(/refuse/);
    const nowhere = await verifyFile(file, { rootOf: rootOnChain(url, `0x${'12'.repeat(20)}`) });
    expect(nowhere.ok).toBe(false);
    const { epoch } = file;
    if (epoch === null) throw new Error('the receipt is in an epoch');
    const later = { ...file, epoch: { ...epoch, number: epoch.number + 1 } };
    expect((await verifyFile(later, { rootOf })).checks.at(-1)).toMatchObject({
      ok: false,
      detail: `no root of epoch ${epoch.number + 1} is known there`,
    });
  });

  it('changed in any place of its epoch part is found by the path, the receipt’s own words or the chain', async () => {
    const file = await receiptOnChain();
    const rootOf = rootOnChain(chained.chain.rpcUrlForWallets);
    const unfound: string[] = [];
    let tried = 0;
    for (const { path, how, changed } of everyChange(JSON.parse(JSON.stringify(file.epoch)))) {
      tried += 1;
      const { ok } = await verifyFile({ ...file, epoch: changed }, { rootOf });
      if (ok) unfound.push(`${path} (${how})`);
    }
    expect(unfound).toEqual([]);
    expect(tried).toBeGreaterThan(15);
  });

  it('cannot be called true or false while the node is gone', async () => {
    const file = await receiptOnChain();
    chained.stopRpc();
    await expect(verifyFile(file, { rootOf: rootOnChain(chained.chain.rpcUrlForWallets) })).rejects.toThrow();
    chained.startRpc();
  });
});
