// What a person gave for training, and taking all of it back: consents end, contributions are retracted (they leave the
// next version, and no answer pays for them any more), votes and corrections train nothing. Used by create-marketplace.ts.
// What was trained or paid before stays as it was. A consent given anew brings nothing back that was retracted.
import { transact } from '../../db/database.ts';
import { consentsOf, endConsents } from '../../db/repositories/consent-repository.ts';
import { decideContribution, listContributions } from '../../db/repositories/contribution-repository.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { votesOfPerson } from '../../db/repositories/rating-repository.ts';
import type { Given, Withdrawn } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

const STANDING = ['submitted', 'accepted'] as const;

/** One line a datanet that the person agreed to. */
export async function readGiven(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
): Promise<readonly Given[]> {
  const datanetIds = new Set((await consentsOf(db, personId)).map((consent) => consent.datanetId));
  const contributions = await listContributions(db, { personId });
  const given: Given[] = [];
  for (const datanetId of datanetIds) {
    const standing = contributions.filter(
      (one) => one.datanetId === datanetId && STANDING.some((state) => state === one.state),
    );
    given.push({
      datanetTitle: (await getDatanet(db, datanetId))?.title ?? '',
      contributions: standing.length,
      votes: await votesOfPerson(db, personId, datanetId),
    });
  }
  return given;
}

/** Doing it twice changes nothing more. */
export async function withdraw({ db }: Pick<MarketplaceContext, 'db'>, personId: string): Promise<Withdrawn> {
  return await transact(db, async (tx) => {
    const consents = await endConsents(tx, personId);
    let contributions = 0;
    for (const { id } of await listContributions(tx, { personId })) {
      const cause = 'withdrawn by the contributor';
      const retracted = await decideContribution(tx, { id, from: STANDING, to: 'retracted', cause });
      if (retracted.ok) contributions += 1;
    }
    return { datanets: new Set(consents.map((consent) => consent.datanetId)).size, contributions };
  });
}
