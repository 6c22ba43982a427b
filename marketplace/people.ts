// The person behind a chat identity: found, or made with a pseudonym and the starter grant, in one transaction.
// Used by create-marketplace.ts and seed-demo.ts. The platform's own name for somebody is stored for their eyes only
// and never shown to others; the pseudonym says nothing about them.
import { randomInt } from 'node:crypto';
import { transact } from '../db/database.ts';
import { grantStarter } from '../db/ledger/transfer.ts';
import { createPerson, findPersonByIdentity } from '../db/repositories/person-repository.ts';
import type { Identity, Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

const FIRST = [
  'amber',
  'brisk',
  'calm',
  'clever',
  'coral',
  'dusky',
  'early',
  'fond',
  'gentle',
  'hazel',
  'jolly',
  'keen',
  'lively',
  'mellow',
  'noble',
  'olive',
  'plain',
  'quick',
  'quiet',
  'rosy',
  'silver',
  'steady',
  'sunny',
  'swift',
] as const;
const SECOND = [
  'badger',
  'beech',
  'birch',
  'brook',
  'cedar',
  'crane',
  'dove',
  'finch',
  'fox',
  'hare',
  'heron',
  'ibis',
  'lark',
  'linnet',
  'maple',
  'otter',
  'owl',
  'pike',
  'robin',
  'rowan',
  'seal',
  'swan',
  'tern',
  'wren',
] as const;
const PSEUDONYM_TRIES_MAX = 20;

/** Finds or makes the person; `isNew` only for the caller that made it. The grant is given once in a lifetime. */
export async function personBehind(market: MarketplaceContext, identity: Identity): Promise<Person> {
  const { platform, userId, displayName } = identity;
  const ref = { platform, platformUserId: userId };
  const known = await findPersonByIdentity(market.db, ref);
  if (known !== undefined) return { id: known.id, pseudonym: known.pseudonym, isNew: false };
  const amountNano = market.settings.starterGrantNano;
  for (let tries = 0; tries < PSEUDONYM_TRIES_MAX; tries++) {
    const pseudonym = newPseudonym();
    const made = await transact(market.db, async (tx) => {
      const result = await createPerson(tx, { pseudonym, identity: { ...ref, displayName } });
      if (result.ok && amountNano > 0n) await grantStarter(tx, { personId: result.person.id, amountNano });
      return result;
    });
    if (made.ok || made.code === 'identity_known') {
      return { id: made.person.id, pseudonym: made.person.pseudonym, isNew: made.ok };
    }
  }
  throw new Error(`no free pseudonym after ${PSEUDONYM_TRIES_MAX} tries`);
}

/** "quiet-heron-417", drawn at random: it tells nothing about the person. */
function newPseudonym(): string {
  return `${FIRST[randomInt(FIRST.length)]}-${SECOND[randomInt(SECOND.length)]}-${randomInt(100, 1000)}`;
}
