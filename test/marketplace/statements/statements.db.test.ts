// Statements against the ledger after random calls: every figure equals what the entries say, for every person and period;
// "why was I paid this?" adds up to the same; and the sums of a person with many shares are read from an index.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { type Nano, nano } from '../../../db/ledger/amount.ts';
import { decideContribution, listContributions } from '../../../db/repositories/contribution-repository.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  FACTS,
  newPerson,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const CALLS = 40;
const database = testDatabase();
let world: TestMarketplace;
let people: readonly Person[];
/** Receipts of the random calls, oldest first. */
const receipts: string[] = [];

const personCalled = async (pseudonym: string): Promise<Person> => {
  const { id } = await database.db
    .selectFrom('person')
    .select('id')
    .where('pseudonym', '=', pseudonym)
    .executeTakeFirstOrThrow();
  return { id, pseudonym, isNew: false };
};

beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['test:operator'] });
  let state = 5;
  /** xorshift32: the same calls in every run. */
  const upTo = (most: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % most;
  };
  const asker = await newPerson(world.market);
  for (let call = 0; call < CALLS; call++) {
    const data = 1_000 * (1 + upTo(6));
    await database.db
      .updateTable('model')
      .set({
        priceCallNano: nano(BigInt(upTo(5_000_000))),
        priceAnswerKtokenNano: nano(BigInt(upTo(99_999_999))),
      })
      .set({ dataBps: data, creatorBps: 9_000 - data, nodeBps: 700, platformBps: 300 })
      .execute();
    const [, question] = FACTS[upTo(FACTS.length)];
    const answer = done(await ask(world.market, asker, call % 7 === 0 ? 'Who am I?' : question));
    await world.market.attributeNow(answer.callId);
    receipts.push(answer.receiptNumber);
  }
  people = await Promise.all(['ada', 'ben', 'cleo', 'demo-creator'].map(personCalled));
}, 60_000);
afterAll(() => world.close());

/** What the ledger moved onto an owner's account by transfers of one kind. */
async function entriesOf(ownerId: string, account: string, transfer: string) {
  const { rows } = await sql<{ callId: string; amountNano: Nano; at: Date }>`
    select t.call_id, sum(e.amount_nano)::bigint as amount_nano, t.created_at as at
    from entry e join account a on a.id = e.account_id join transfer t on t.id = e.transfer_id
    where a.owner_id = ${ownerId} and a.kind = ${account} and t.kind = ${transfer}
    group by t.id`.execute(database.db);
  return rows;
}

const sumOf = (rows: readonly { readonly amountNano: bigint }[]): bigint =>
  rows.reduce((sum, row) => sum + row.amountNano, 0n);

describe(`a statement after ${CALLS} random calls`, () => {
  it('is the sum of the ledger’s entries, for every contributor, to the nano', async () => {
    let all = 0n;
    for (const person of people) {
      const { contributor } = await world.market.earnings(person, 'all');
      const entries = await entriesOf(person.id, 'contributor', 'split');
      expect(contributor.grossNano, person.pseudonym).toBe(sumOf(entries));
      expect(contributor.calls).toBe(entries.length);
      expect(contributor.influenceNano + contributor.fallbackNano).toBe(contributor.grossNano);
      expect(contributor.grossNano > 0n).toBe(person.pseudonym !== 'demo-creator');
      all += contributor.grossNano;
    }
    const { rows } = await sql<{ paid: bigint }>`
      select sum((body -> 'partsNano' ->> 'data')::bigint)::bigint as paid from receipt`.execute(database.db);
    expect(all).toBe(rows[0].paid);
    await expectBooksHold(database.db);
  });

  it('counts influence, mean share and dust as recomputed from the shares one by one', async () => {
    let dustOfAll = 0n;
    for (const person of people) {
      const { contributor } = await world.market.earnings(person, 'all');
      const { rows } = await sql<{ ppm: number; calls: number; influenced: number; dust: bigint }>`
        select coalesce(sum(s.share_ppm), 0)::integer as ppm, count(distinct s.call_id)::integer as calls,
          (count(distinct s.call_id) filter (where s.kind = 'influence'))::integer as influenced,
          coalesce(sum(trunc(s.amount_nano * 1000000::numeric - case s.kind when 'influence' then w.pool * s.share_ppm
            else w.pool * (1000000 - w.ppm) / w.persons end)), 0)::bigint as dust
        from call_share s join (
          select call_id, sum(amount_nano) as pool, count(*) filter (where kind = 'fallback') as persons,
            coalesce(sum(share_ppm) filter (where kind = 'influence'), 0) as ppm
          from call_share group by call_id) w on w.call_id = s.call_id
        where s.person_id = ${person.id}`.execute(database.db);
      const [{ ppm, calls, influenced, dust }] = rows;
      expect(contributor.influenceCalls).toBe(influenced);
      expect(contributor.meanShare).toBeCloseTo(calls === 0 ? 0 : ppm / calls / 1e6, 9);
      expect(contributor.dustMicronano, person.pseudonym).toBe(dust);
      dustOfAll += dust;
    }
    // Rounding takes from nobody what it does not give to somebody; each share was cut at a millionth.
    const { rows } = await sql<{
      shares: number;
    }>`select count(*)::integer as shares from call_share`.execute(database.db);
    expect(Number(dustOfAll < 0n ? -dustOfAll : dustOfAll)).toBeLessThanOrEqual(rows[0].shares);
  });

  it('compares with the others of the datanet: median and rank are those of the sorted sums', async () => {
    const gross = await Promise.all(
      people.slice(0, 3).map(async ({ id }) => sumOf(await entriesOf(id, 'contributor', 'split'))),
    );
    const sorted = gross.toSorted((a, b) => (a < b ? -1 : 1));
    for (const [index, person] of people.slice(0, 3).entries()) {
      const { contributor } = await world.market.earnings(person, 'all');
      expect(contributor.peers).toEqual({
        ...{ datanets: 1, contributors: 3, medianNano: sorted[1] },
        earnedLess: sorted.filter((each) => each < gross[index]).length,
      });
    }
    expect((await world.market.earnings(await newPerson(world.market), 'all')).contributor.peers).toBeNull();
  });

  it('names the best contributions with what they earned', async () => {
    const [ada] = people;
    const { contributor } = await world.market.earnings(ada, 'all');
    const { rows } = await sql<{ id: string; amountNano: Nano; calls: number }>`
      select contribution_id as id, sum(amount_nano)::bigint as amount_nano, count(*)::integer as calls
      from call_share where person_id = ${ada.id} and contribution_id is not null group by 1`.execute(
      database.db,
    );
    const best = rows.toSorted((a, b) => (a.amountNano > b.amountNano ? -1 : 1)).slice(0, 5);
    expect(contributor.top.map(({ amountNano, calls }) => [amountNano, calls])).toEqual(
      best.map(({ amountNano, calls }) => [amountNano, calls]),
    );
    expect(contributor.top[0].question).toMatch(/^What is the capital of/);
  });

  it('gives the creator, and operators for node and platform, the same from the captures', async () => {
    const creator = people[3];
    const { roles } = await world.market.earnings(creator, 'all');
    const captured = await entriesOf(creator.id, 'creator', 'capture');
    expect(roles).toEqual([{ role: 'creator', calls: captured.length, grossNano: sumOf(captured) }]);
    const operator = await world.market.person({ platform: 'test', userId: 'operator', displayName: 'Op' });
    for (const period of ['all', '7'] as const) {
      const run = (await world.market.earnings(operator, period)).roles;
      for (const [role, owner] of [
        ['node', 'node:local'],
        ['platform', 'platform'],
      ] as const) {
        const entries = await entriesOf(owner, role, 'capture');
        expect(run).toContainEqual({ role, calls: entries.length, grossNano: sumOf(entries) });
      }
    }
  });

  it('of a time holds the calls of that time only, in every role', async () => {
    const last = Number(receipts[14].slice(2)); // the last of the old ones
    await sql`update call_share s set at = now() - interval '10 days'
      from receipt r where r.call_id = s.call_id and r.number <= ${last}`.execute(database.db);
    await sql`update call c set settled_at = now() - interval '10 days'
      from receipt r where r.call_id = c.id and r.number <= ${last}`.execute(database.db);
    const [ada, , , creator] = people;
    const young = new Set(
      (
        await sql<{ callId: string }>`select call_id from receipt where number > ${last}`.execute(database.db)
      ).rows.map(({ callId }) => callId),
    );
    const entries = await entriesOf(ada.id, 'contributor', 'split');
    const week = await world.market.earnings(ada, '7');
    expect(week.contributor.grossNano).toBe(sumOf(entries.filter(({ callId }) => young.has(callId))));
    expect((await world.market.earnings(ada, '30')).contributor.grossNano).toBe(sumOf(entries));
    const captured = (await entriesOf(creator.id, 'creator', 'capture')).filter(({ callId }) =>
      young.has(callId),
    );
    expect((await world.market.earnings(creator, '7')).roles).toEqual([
      { role: 'creator', calls: captured.length, grossNano: sumOf(captured) },
    ]);
  });

  it('as a file holds a line for each share, and the lines sum to the statement', async () => {
    const [ada] = people;
    const { contributor } = await world.market.earnings(ada, 'all');
    const csv = await world.market.earningsFile(ada, { period: 'all', format: 'csv' });
    const [head, ...rows] = csv.text.trimEnd().split('\r\n');
    expect(head.split(',')).toHaveLength(9);
    expect(rows).toHaveLength(csv.shares);
    expect(rows.every((row) => row.split(',').length === 9)).toBe(true);
    expect(rows.reduce((sum, row) => sum + BigInt(row.split(',')[6]), 0n)).toBe(contributor.grossNano);
    const json = JSON.parse((await world.market.earningsFile(ada, { period: 'all', format: 'json' })).text);
    expect(BigInt(json.contributor.grossNano)).toBe(contributor.grossNano);
    expect(json.shares).toHaveLength(csv.shares);
    expect(json.shares[0].receipt).toMatch(/^R-\d{6}$/);
  });
});

describe('why an answer paid', () => {
  it('adds up to the ledger’s entry for every call and contributor, line by line', async () => {
    for (const number of receipts) {
      let together = 0n;
      for (const person of people.slice(0, 3)) {
        const why = await world.market.whyPaid(person, number);
        if (!why.ok) throw new Error(why.code);
        expect(sumOf(why.lines)).toBe(why.totalNano);
        for (const line of why.lines) {
          expect(line.amountNano).toBe(line.wholeNano + (line.odd ? 1n : 0n));
          if (line.odd) expect(line.restMillionths).toBeGreaterThan(0);
        }
        together += why.totalNano;
        if (person === people[2]) expect(together).toBe(why.poolNano);
      }
    }
    const [ada] = people;
    const { contributor } = await world.market.earnings(ada, 'all');
    const whys = await Promise.all(receipts.map((number) => world.market.whyPaid(ada, number)));
    expect(whys.reduce((sum, why) => sum + (why.ok ? why.totalNano : 0n), 0n)).toBe(contributor.grossNano);
  });

  it('tells the creator and the operator their part, a stranger that nothing of theirs is in it', async () => {
    const why = await world.market.whyPaid(people[3], receipts[0]);
    expect(why).toMatchObject({ ok: true, whyNot: 'no_contribution', roles: [{ role: 'creator' }] });
    const operator = await world.market.person({ platform: 'test', userId: 'operator', displayName: 'Op' });
    expect(await world.market.whyPaid(operator, receipts[0])).toMatchObject({
      roles: [{ role: 'node' }, { role: 'platform' }],
    });
    expect(await world.market.whyPaid(operator, 'R-999999')).toEqual({ ok: false, code: 'no_receipt' });
    expect(await world.market.whyPaid(operator, 'mine')).toEqual({ ok: false, code: 'no_receipt' });
  });

  it('says "not yet" before attribution; and why not: retracted, or given after the version', async () => {
    const asker = await newPerson(world.market);
    const late = await newPerson(world.market);
    await world.market.consent(late, 'pocket-atlas');
    const given = await world.market.contribute({
      person: late,
      datanetSlug: 'pocket-atlas',
      question: 'What is the capital of Chad?',
      answer: 'The capital of Chad is N’Djamena.',
      conversationKey: { platform: 'test', conversationId: 'late' },
    });
    expect(given.ok).toBe(true);
    for (const { id, personId } of await listContributions(database.db, { state: 'accepted' })) {
      if (personId !== people[2].id) continue;
      const decision = { id, from: ['accepted'], to: 'retracted', cause: 'test' } as const;
      await transact(database.db, (tx) => decideContribution(tx, decision));
    }
    const { callId, receiptNumber } = done(await ask(world.market, asker, FACTS[0][1]));
    expect(await world.market.whyPaid(people[0], receiptNumber)).toEqual({
      ok: false,
      code: 'not_attributed_yet',
    });
    await world.market.attributeNow(callId);
    expect(await world.market.whyPaid(late, receiptNumber)).toMatchObject({ whyNot: 'not_in_version' });
    expect(await world.market.whyPaid(people[2], receiptNumber)).toMatchObject({
      whyNot: 'retracted',
      lines: [],
    });
    // Paid before, and still told why.
    expect(await world.market.whyPaid(people[2], receipts[0])).toMatchObject({ whyNot: null });
  });
});

it('sums a person’s shares and a datanet’s out of an index among 30,000, without a look at the table', async () => {
  const [ada, ben] = people;
  await sql`insert into call_share
      (call_id, rank, person_id, kind, share_ppm, amount_nano, at, datanet_id, dust_micronano)
    select s.call_id, 100 + g, ${ben.id}, 'fallback', 0, 0, s.at - g * interval '1 minute', s.datanet_id, 0
    from (select * from call_share limit 1) s, generate_series(1, 30000) g`.execute(database.db);
  const planOf = async (query: typeof ofPerson) => {
    const { rows } = await sql<object>`explain ${query}`.execute(database.db);
    return rows.map((row) => Object.values(row)[0]).join('\n');
  };
  const ofPerson = sql`select count(distinct call_id), sum(amount_nano), sum(share_ppm), sum(dust_micronano),
    sum(amount_nano) filter (where kind = 'influence')
    from call_share where person_id = ${ada.id} and at >= now() - interval '7 days'`;
  const ofDatanet = sql`select person_id, sum(amount_nano) from call_share
    where datanet_id = (select datanet_id from call_share limit 1) and at >= now() - interval '1 hour' group by 1`;
  await sql`vacuum analyze call_share`.execute(database.owner.db);
  expect(await planOf(ofPerson)).toContain('Index Only Scan using call_share_person');
  expect(await planOf(ofDatanet)).toMatch(
    /Index Only Scan using call_share_datanet|Bitmap Index Scan on call_share_datanet/,
  );
  const { contributor } = await world.market.earnings(ada, 'all');
  expect(contributor.grossNano).toBe(sumOf(await entriesOf(ada.id, 'contributor', 'split')));
});
