// Colluding reviewers, floods and reviewers who take what they reject, on a whole marketplace where two of three must agree.
// Before: one verdict on a contribution of the reviewer's choice decided, and two identities of one person accepted 9 of 9 of
// each other's junk at once.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { addWallet, endWallet } from '../../../db/repositories/wallet-repository.ts';
import type {
  ContributeResult,
  ReviewItem,
  ReviewResult,
} from '../../../marketplace/datanets/intake-views.ts';
import { panelVerdict } from '../../../marketplace/datanets/panel-verdict.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import { people } from '../../support/attackers.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  newPerson,
  placeOf,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database, { reviewsToAgree: 2, trainAfterAccepted: 1_000 });
});
afterAll(() => world.close());
beforeEach(async () => {
  await database.db
    .updateTable('contribution')
    .set({ state: 'retracted' })
    .where('state', '=', 'submitted')
    .execute();
});

let facts = 0;

async function offer(
  person: Person,
  words = `What is the capital of Land ${++facts}?`,
): Promise<ContributeResult> {
  await world.market.consent(person, SLUG);
  const place = { datanetSlug: SLUG, conversationKey: placeOf(person) };
  return await world.market.contribute({ person, question: words, answer: `It is City ${facts}.`, ...place });
}

async function offered(person: Person, words?: string): Promise<string> {
  const given = await offer(person, words);
  if (!given.ok) throw new Error(given.code);
  return given.contributionId;
}

const judge = (
  person: Person,
  contributionId: string,
  verdict: 'accept' | 'reject' = 'accept',
): Promise<ReviewResult> =>
  world.market.review({
    person,
    contributionId,
    verdict,
    reason: 'No such land.',
    conversationKey: placeOf(person),
  });

const drawn = async (person: Person): Promise<ReviewItem> => {
  const item = await world.market.nextReview(person);
  if (item === null) throw new Error('nothing waits');
  return item;
};

describe('a contribution', () => {
  it('is accepted by two who agree and rejected by two who agree, the third decides between two', async () => {
    const [author, ...reviewers] = await people(world, 4);
    const id = await offered(author);
    for (const person of reviewers) expect((await drawn(person)).contributionId).toBe(id);
    expect(await judge(reviewers[0], id)).toMatchObject({ state: 'waiting', missing: 1 });
    expect(await judge(reviewers[1], id, 'reject')).toMatchObject({ state: 'waiting', missing: 1 });
    expect(await judge(reviewers[2], id)).toMatchObject({ state: 'accepted', newSinceVersion: 1 });
  });

  it('is judged by those alone for whom it was drawn, and a draw stays until it is judged', async () => {
    const [author, friend] = await people(world, 2);
    const own = await offered(author);
    expect(await judge(friend, own)).toEqual({ ok: false, code: 'not_drawn' });
    const [other] = await people(world, 1);
    for (let i = 0; i < 9; i++) await offered(other);
    const first = await drawn(friend);
    for (let i = 0; i < 5; i++) expect((await drawn(friend)).contributionId).toBe(first.contributionId);
    if (first.contributionId !== own)
      expect(await judge(friend, own)).toEqual({ ok: false, code: 'not_drawn' });
    expect(await judge(friend, first.contributionId)).toMatchObject({ ok: true });
  });

  it('is not judged by its author under another identity with whom a wallet was shared', async () => {
    const [author, same] = await people(world, 2);
    for (const { id: personId } of [author, same]) {
      await transact(database.db, (tx) => addWallet(tx, { personId, address: `0x${'5'.repeat(40)}` }));
      await transact(database.db, (tx) => endWallet(tx, personId));
    }
    const id = await offered(author);
    expect(await world.market.nextReview(same)).toBeNull();
    expect(await judge(same, id)).toEqual({ ok: false, code: 'own_contribution' });
  });
});

describe('one person under two names with a wallet in common', () => {
  it('judges once: the second verdict does not decide, and what one has judged is not drawn for the other', async () => {
    const [author, one, same, other] = await people(world, 4);
    const id = await offered(author);
    // Drawn for both before anybody can tell.
    for (const person of [one, same]) expect((await drawn(person)).contributionId).toBe(id);
    for (const { id: personId } of [one, same]) {
      await transact(database.db, (tx) => addWallet(tx, { personId, address: `0x${'6'.repeat(40)}` }));
      await transact(database.db, (tx) => endWallet(tx, personId));
    }
    expect(await judge(one, id)).toMatchObject({ state: 'waiting', missing: 1 });
    expect(await world.market.nextReview(same)).toBeNull();
    expect(await judge(same, id)).toMatchObject({ state: 'waiting', missing: 1 });
    await drawn(other);
    expect(await judge(other, id)).toMatchObject({ state: 'accepted' });
  });

  it('who asks ten times at once for something to judge is given one', async () => {
    const [author, reviewer] = await people(world, 2);
    for (let i = 0; i < 10; i++) await offered(author);
    const given = await Promise.all(Array.from({ length: 10 }, () => drawn(reviewer)));
    expect(new Set(given.map(({ contributionId }) => contributionId)).size).toBe(1);
  });
});

describe('a ring that writes junk and judges', () => {
  it('of a writer and one helper gets 0 of its 3 items accepted among 10 honest ones, instead of all 3', async () => {
    const [writer, helper, author, ...honest] = await people(world, 6);
    const junk = new Set<string>();
    for (let i = 0; i < 3; i++) junk.add(await offered(writer));
    for (let i = 0; i < 10; i++) await offered(author);
    let accepted = 0;
    // In turns: everybody judges what is drawn for them; the ring accepts its own junk, the honest reject it.
    for (let round = 0; round < 13; round++)
      for (const person of [helper, writer, ...honest]) {
        const item = await world.market.nextReview(person);
        if (item === null) continue;
        const isJunk = junk.has(item.contributionId);
        const verdict = isJunk && person !== helper ? 'reject' : 'accept';
        const result = await judge(person, item.contributionId, verdict);
        if (result.ok && result.state === 'accepted' && isJunk) accepted += 1;
      }
    // The writer may not judge the own items: one helper alone never is two.
    expect(accepted).toBe(0);
  });

  it('gets q²(3 − 2q) of its junk accepted where q of all verdicts are the ring’s: 10.4 % for a fifth, all before', () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const acceptedPart = (q: number) => {
      let accepted = 0;
      for (let item = 0; item < 20_000; item++) {
        const reviews: { verdict: 'accept' | 'reject'; reason: null }[] = [];
        for (;;) {
          reviews.push({ verdict: random() < q ? 'accept' : 'reject', reason: null });
          const { decided } = panelVerdict(reviews, 2);
          if (decided !== null) {
            accepted += decided === 'accepted' ? 1 : 0;
            break;
          }
        }
      }
      return accepted / 20_000;
    };
    for (const q of [0.05, 0.2, 0.35]) expect(acceptedPart(q)).toBeCloseTo(q * q * (3 - 2 * q), 2);
    expect(acceptedPart(0.2)).toBeLessThan(0.115);
  });
});

describe('a flood', () => {
  it('of one newcomer stops at 10 that wait, with the reason, and goes on when some are accepted', async () => {
    const [author, ...reviewers] = await people(world, 3);
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push(await offered(author));
    const refused = await offer(author);
    expect(refused).toMatchObject({ ok: false, code: 'rejected_by_check', check: 'too_many_waiting' });
    expect(refused.ok === false && 'reason' in refused && refused.reason).toContain(
      '10 of your contributions wait',
    );
    const item = await drawn(reviewers[0]);
    await judge(reviewers[0], item.contributionId);
    while ((await drawn(reviewers[1])).contributionId !== item.contributionId)
      await judge(reviewers[1], (await drawn(reviewers[1])).contributionId);
    await judge(reviewers[1], item.contributionId);
    expect(await offer(author)).toMatchObject({ ok: true });
  });
});

describe('words that reviewers rejected', () => {
  it('may be offered again by who wrote them, and by nobody else: to reject and take is no use', async () => {
    const [author, ...thieves] = await people(world, 3);
    const words = 'What is the capital of Atlantis?';
    const id = await offered(author, words);
    const answer = `It is City ${facts}.`;
    for (const thief of thieves) {
      expect((await drawn(thief)).contributionId).toBe(id);
      await judge(thief, id, 'reject');
    }
    const again = (person: Person) =>
      world.market.contribute({
        person,
        datanetSlug: SLUG,
        question: words,
        answer,
        conversationKey: placeOf(person),
      });
    const [thief] = thieves;
    await world.market.consent(thief, SLUG);
    expect(await again(thief)).toMatchObject({ ok: false, check: 'offered_before' });
    expect(await again(await newConsenting())).toMatchObject({ ok: false, check: 'offered_before' });
    expect(await again(author)).toMatchObject({ ok: true });
  });
});

async function newConsenting(): Promise<Person> {
  const person = await newPerson(world.market);
  await world.market.consent(person, SLUG);
  return person;
}
