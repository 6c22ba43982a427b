// Attackers on a whole marketplace, for the tests against gaming: people with many identities, OPEN paid in by deposit,
// contributions with colluding reviewers, and what a group has gained that can leave the books. Used by test/marketplace/gaming/.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Database, transact } from '../../db/database.ts';
import { type Nano, nano, openNano } from '../../db/ledger/amount.ts';
import { deposit } from '../../db/ledger/deposit.ts';
import { newId } from '../../db/new-id.ts';
import { payoutsDue } from '../../db/repositories/payout-repository.ts';
import { addWallet, walletOfPerson } from '../../db/repositories/wallet-repository.ts';
import type { Person } from '../../marketplace/marketplace.ts';
import { addressOf } from './scripted-chain.ts';
import { newPerson, placeOf, SLUG, type TestMarketplace } from './test-marketplace.ts';

export async function people(world: TestMarketplace, count: number): Promise<readonly Person[]> {
  const made: Person[] = [];
  for (let i = 0; i < count; i++) made.push(await newPerson(world.market));
  return made;
}

/** Coins come into the vault for this person. */
export async function payIn(db: Database, person: Person, open: string): Promise<void> {
  const to = { kind: 'user', ownerId: person.id } as const;
  await transact(db, (tx) =>
    deposit(tx, { key: newId('deposit'), to, amountNano: openNano(open), reason: 'test' }),
  );
}

/** An accepted contribution; the reviewers accept it one after the other until it is decided. */
export async function acceptedOf(
  world: TestMarketplace,
  person: Person,
  reviewers: readonly Person[],
  [question, answer]: readonly [string, string],
): Promise<string> {
  const { market } = world;
  await market.consent(person, SLUG);
  const given = await market.contribute({
    person,
    datanetSlug: SLUG,
    question,
    answer,
    conversationKey: placeOf(person),
  });
  if (!given.ok) throw new Error(`not contributed: ${given.code}`);
  const { contributionId } = given;
  for (const reviewer of reviewers) {
    const result = await market.review({
      person: reviewer,
      contributionId,
      verdict: 'accept',
      conversationKey: placeOf(reviewer),
    });
    if (!result.ok) throw new Error(`not reviewed: ${result.code}`);
  }
  return contributionId;
}

/** Waits until no training is due or under way: the version that answers holds all that was accepted. */
export async function trained({ market }: TestMarketplace): Promise<void> {
  for (;;) {
    const datanet = await market.datanet(SLUG);
    if (datanet?.training === null && datanet.state !== 'training') return;
    await sleep(20);
  }
}

/** What these people could carry away: earnings that a payout would pay, and what they paid in and have not spent. */
export async function withdrawable(db: Database, group: readonly Person[]): Promise<Nano> {
  for (const { id } of group) {
    if ((await walletOfPerson(db, id)) !== undefined) continue;
    await transact(db, (tx) => addWallet(tx, { personId: id, address: addressOf(id).toLowerCase() }));
  }
  await sql`select ledger_roll_up()`.execute(db);
  const ids = new Set(group.map(({ id }) => id));
  const due = (await payoutsDue(db, { wallets: {}, leastNano: nano(0n) })).filter(({ ownerId }) =>
    ids.has(ownerId),
  );
  const earned = due.reduce((sum, one) => sum + one.contributorNano + one.creatorNano + one.nodeNano, 0n);
  const rows = await db
    .selectFrom('account')
    .select('balanceNano')
    .where('kind', '=', 'user')
    .where('ownerId', 'in', [...ids])
    .execute();
  return nano(rows.reduce((sum, { balanceNano }) => sum + balanceNano, earned));
}
