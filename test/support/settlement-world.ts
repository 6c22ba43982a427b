// People with wallets, earnings and receipts for the tests of settlement: a marketplace's context over a real database and
// whatever chain the test has, without engine and bots. Money is made by the ledger's own verbs; coins by the test's chain.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect } from 'vitest';
import type { Chain } from '../../contracts/client/chain.ts';
import { type Database, transact } from '../../db/database.ts';
import { type Nano, openNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { books } from '../../db/ledger/books.ts';
import { capture } from '../../db/ledger/capture.ts';
import { hold } from '../../db/ledger/hold.ts';
import { TREASURY, transfer } from '../../db/ledger/transfer.ts';
import { newId } from '../../db/new-id.ts';
import { addWallet } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS, type MarketplaceSettings } from '../../marketplace/marketplace-settings.ts';
import { type SettleStep, settleStep } from '../../marketplace/payouts/settle-step.ts';
import { newPerson, newWorld, type World } from './marketplace-rows.ts';
import { rememberingLog } from './quiet-log.ts';

export interface SettlementMarket extends MarketplaceContext {
  readonly log: ReturnType<typeof rememberingLog>;
  /** Moves the marketplace's clock; the chain's is its own. */
  advance(ms: number): void;
}

export function settlementMarket(
  db: Database,
  chain: Chain | null,
  dataDir: string,
  settings: Partial<MarketplaceSettings> = {},
): SettlementMarket {
  let aheadMs = 0;
  const market = {
    db,
    chain,
    dataDir,
    log: rememberingLog(),
    settings: { ...DEFAULT_SETTINGS, epochMs: 0, settleEveryMs: 5, ...settings },
    clock: () => new Date(Date.now() + aheadMs),
    stopping: new AbortController().signal,
    advance: (ms: number) => {
      aheadMs += ms;
    },
  };
  return market as unknown as SettlementMarket;
}

/** Steps until the settlement says one of these, at most `most` times (waits for the chain not counted up to a minute); the last step. */
export async function settleUntil(
  market: MarketplaceContext,
  dids: readonly SettleStep['did'][],
  most = 20,
): Promise<SettleStep> {
  const taken: string[] = [];
  const until = Date.now() + 60_000;
  while (taken.length < most) {
    if (market.chain === null) throw new Error('no chain');
    const step = await settleStep(market, market.chain);
    if (step.did === 'waited' && !dids.includes('waited') && Date.now() < until) {
      await sleep(20);
      continue;
    }
    taken.push(step.did);
    if (dids.includes(step.did)) return step;
  }
  throw new Error(`the settlement did ${taken.join(', ')}; awaited ${dids.join(' or ')}`);
}

/** A person who has linked this address, with nothing earned yet. */
export async function personWithWallet(db: Database, address: string): Promise<string> {
  const { id } = await newPerson(db);
  await transact(db, (tx) => addWallet(tx, { personId: id, address: address.toLowerCase() }));
  return id;
}

type Earned = 'contributor' | 'creator' | 'node' | 'platform' | 'user';

/** Gives an owner OPEN on an account, from the treasury. */
export async function give(
  db: Database,
  ownerId: string,
  open: string,
  kind: Earned = 'contributor',
): Promise<void> {
  const intent = {
    key: newId('give'),
    from: TREASURY,
    to: { kind, ownerId },
    amountNano: openNano(open),
    reason: 'test',
  } as const;
  const given = await transact(db, (tx) => transfer(tx, intent));
  expect(given.ok).toBe(true);
  await sql`select ledger_roll_up()`.execute(db);
}

/** Complete receipts of free calls. @returns their hashes, in the order of their numbers */
export async function receipts(db: Database, world: World, count: number): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (let i = 0; i < count; i++) hashes.push(await receipt(db, world));
  return hashes;
}

async function receipt(db: Database, { creator, model, version }: World): Promise<string> {
  const callId = newId('call');
  const hash = `0x${createHash('sha256').update(callId).digest('hex')}`;
  await transact(db, async (tx) => {
    const held = await hold(tx, {
      key: `hold:${callId}`,
      ownerId: creator.id,
      amountNano: ZERO_NANO,
      callId,
      expiresAt: new Date(Date.now() + 60_000),
    });
    if (!held.ok) throw new Error(held.code);
    await capture(tx, { key: `capture:${callId}`, holdId: held.holdId, priceNano: ZERO_NANO, parts: [] });
    await tx
      .insertInto('call')
      .values({
        id: callId,
        eventKey: callId,
        personId: creator.id,
        conversationId: null,
        modelId: model.id,
        modelVersionId: version.id,
        state: 'captured',
        holdId: held.holdId,
        ceilingNano: ZERO_NANO,
        priceNano: ZERO_NANO,
        prompt: 'q',
        promptHash: hash,
        answer: 'a',
        attributedAt: new Date(),
      } as never)
      .execute();
    await tx
      .insertInto('receipt')
      .values({ callId, body: {}, hash } as never)
      .execute();
  });
  return hash;
}

export const someWorld = (db: Database): Promise<World> => newWorld(db);

export async function balanceOf(db: Database, ownerId: string, kind: string): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select balance_nano as nano from account_now where owner_id = ${ownerId} and kind = ${kind}`.execute(db);
  return rows[0]?.nano ?? ZERO_NANO;
}

/** Every rule of the books, those that look at the epochs' rows included. */
export async function expectSoundBooks(db: Database): Promise<void> {
  const { firstDifference } = await books(db);
  expect(firstDifference).toBeNull();
}
