// The nightly proof in a marketplace: when it is due, what it asks the chain, whom it tells when it fails, what anybody may see.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chain, VaultState } from '../../../contracts/client/chain.ts';
import { booksAreSound, newestProof } from '../../../db/ledger/books-proof.ts';
import { proveBooks } from '../../../marketplace/books/prove-books.ts';
import { isProofDue } from '../../../marketplace/books/prove-books-regularly.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { testDatabase } from '../../support/postgres.ts';
import { rememberingLog } from '../../support/quiet-log.ts';
import {
  ask,
  done,
  newPerson,
  placeOf,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
});
afterAll(() => world.close());

const HOUR = 3_600_000;
const at = (text: string) => new Date(`2026-11-${text}Z`);

describe('a proof is due', () => {
  it.each([
    ['when there is none', undefined, '21T12:00', true],
    ['not again on the same day', { at: at('21T03:00'), ok: true }, '21T23:59', false],
    ['when the hour has struck since', { at: at('21T03:00'), ok: true }, '22T03:00', true],
    ['not before the hour', { at: at('21T03:00'), ok: true }, '22T02:59', false],
    ['at a start that missed the night', { at: at('19T03:00'), ok: true }, '21T01:00', true],
    ['an hour after one failed', { at: at('21T03:00'), ok: false }, '21T04:00', true],
    ['not at once after one failed', { at: at('21T03:00'), ok: false }, '21T03:59', false],
  ])('%s', (_, newest, now, due) => {
    expect(isProofDue(newest, at(now), 3)).toBe(due);
  });
});

/** A chain whose vault is in this state; nothing else of it is asked. */
const chainWith = (vault: () => Promise<Pick<VaultState, 'coinsWei' | 'claimedTotalWei'>>) =>
  ({ vault }) as unknown as Chain;

async function prove(chain: Chain | null = null, operators: readonly string[] = []) {
  const log = rememberingLog();
  const proof = await proveBooks({
    db: database.db,
    chain,
    log,
    settings: { ...DEFAULT_SETTINGS, operators },
  });
  return { proof, lines: log.lines.join('\n') };
}

const news = async () =>
  (
    await sql<{ payload: { kind: string; text: string; conversationId: string } }>`
      select j.payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where t.identifier = 'tell-news' order by j.id`.execute(database.owner.db)
  ).rows.map(({ payload }) => payload);

describe('a marketplace', () => {
  it('shows nothing before the first proof, then the figures of the newest to anybody', async () => {
    expect(await world.market.books()).toBeNull();
    const person = await newPerson(world.market);
    const answer = done(await ask(world.market, person, 'What is the capital of France?'));
    await world.market.attributeNow(answer.callId);
    await prove();
    const shown = await world.market.books();
    expect(shown).toMatchObject({
      proof: { number: 1, ok: true, broken: [] },
      paidCalls: 1,
      capturedNano: answer.priceNano,
      coinsNano: null,
    });
    expect(shown?.contributorsNano).toBe(answer.priceNano / 2n);
    const words = JSON.stringify(shown, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
    expect(words).not.toContain(person.id);
    expect(words).not.toContain('person_');
  });

  it('asks the vault for its coins: what is below a nano is left out, and a chain that is away is no failure', async () => {
    const rich = await prove(chainWith(async () => ({ coinsWei: 12_999_999_999n, claimedTotalWei: 0n })));
    expect(rich.proof.figures.coverage.coinsNano).toBe('12');
    const away = await prove(chainWith(() => Promise.reject(new Error('connection refused'))));
    expect(away.proof).toMatchObject({ ok: true, figures: { coverage: { coinsNano: null } } });
    expect(away.lines).toContain('could not be asked');
  });

  it('that fails its proof stops payouts, says so in the log, and tells the operators once, without naming anybody', async () => {
    const operator = await newPerson(world.market);
    const place = placeOf(operator);
    await ask(world.market, operator, 'What is the capital of Spain?');
    const { platformUserId } = await database.db
      .selectFrom('identity')
      .select('platformUserId')
      .where('personId', '=', operator.id)
      .executeTakeFirstOrThrow();
    const operators = [`test:${platformUserId}`, 'test:nobody-of-that-name'];
    const owner = await database.owner.pool.reserve();
    const shift = (by: number) =>
      owner.unsafe(`begin; set local session_replication_role = replica;
        update account set balance_nano = balance_nano + ${by} where kind = 'user_grant' and owner_id = '${operator.id}'; commit`);
    await shift(5);
    const failed = await prove(null, operators);
    await prove(null, operators);
    expect(failed.proof.ok).toBe(false);
    expect(failed.lines).toContain('THE BOOKS DO NOT BALANCE');
    expect(failed.lines).toContain(operator.id); // the log is the operator's
    expect(await booksAreSound(database.db)).toBe(false);
    expect((await world.market.books())?.proof).toMatchObject({
      ok: false,
      broken: ['balances_match_entries'],
    });
    await shift(-5);
    owner.release();
    await prove(null, operators);
    expect(await booksAreSound(database.db)).toBe(true);
    const told = await news();
    expect(told.map(({ kind, conversationId }) => [kind, conversationId])).toEqual([
      ['books_failed', place.conversationId],
      ['books_sound', place.conversationId],
    ]);
    expect(told.map(({ text }) => text).join()).not.toMatch(/person_|account \d/);
  });

  it('proves by itself soon after its start', async () => {
    const before = await newestProof(database.db);
    const late = await world.again(database.db, {
      booksProofHourUtc: new Date(Date.now() - HOUR).getUTCHours(),
    });
    await database.owner.db.transaction().execute(async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx);
      await sql`update books_proof set at = at - interval '2 days'`.execute(tx);
    });
    await late.start(async () => {});
    await expect
      .poll(async () => (await newestProof(database.db))?.number, { timeout: 60_000, interval: 200 })
      .toBe((before?.number ?? 0) + 1);
    await late.stop();
  });
});
