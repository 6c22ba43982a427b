// Where an epoch's files lie: DATA_DIR/epochs/<n>.receipts.jsonl and <n>.claims.jsonl for everybody, and the nodes of the
// claims tree for proofs. Used by build-epoch.ts, claim-of.ts and the public routes. All of them can be made again.
import { join } from 'node:path';
import type { LeafKind } from '../../contracts/merkle/flat-tree.ts';

export const leafFilePath = (dataDir: string, number: number, kind: LeafKind): string =>
  join(dataDir, 'epochs', `${number}.${kind}.jsonl`);

/** @param claimsNumber whose leaves they are */
export const claimsTreePath = (dataDir: string, claimsNumber: number): string =>
  join(dataDir, 'epochs', `${claimsNumber}.claims.tree`);
