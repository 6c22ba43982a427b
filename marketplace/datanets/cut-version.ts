// Cuts a datanet version: every accepted contribution, in order of submission, under the Merkle root of their exact
// words. Used by factory/start-training.ts and seed-demo.ts. A version is immutable (the database refuses changes).
import { merkleTree } from '../../contracts/merkle/merkle-tree.ts';
import type { Tx } from '../../db/database.ts';
import { listContributions } from '../../db/repositories/contribution-repository.ts';
import { createDatanetVersion } from '../../db/repositories/datanet-version-repository.ts';
import type { Contribution, DatanetVersion } from '../../db/schema.ts';
import { exactHash } from './contribution-hash.ts';

/** Leaf types of a version's Merkle tree: one bytes32, the contribution's exact hash. */
const VERSION_LEAF = ['bytes32'] as const;

/** @throws RangeError when nothing is accepted */
export async function cutVersion(tx: Tx, datanetId: string): Promise<DatanetVersion> {
  const contributions = await listContributions(tx, { datanetId, state: 'accepted' });
  return await createDatanetVersion(tx, {
    datanetId,
    merkleRoot: versionRoot(contributions),
    contributionIds: contributions.map((contribution) => contribution.id),
  });
}

export function versionRoot(contributions: readonly Pick<Contribution, 'question' | 'answer'>[]): string {
  const rows = contributions.map((contribution) => [exactHash(contribution)]);
  return merkleTree(VERSION_LEAF, rows).root;
}
