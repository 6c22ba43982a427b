// The path from a receipt to the root of its epoch, once the epoch's tree is built. Used by read-receipt.ts. The path is read
// out of a stored tree, some 35 pieces of 32 bytes whatever its size; where that file is missing or wrong it is built anew
// from the receipts, in a worker thread. What is given here always leads to the root that the epoch was posted with; a
// receipt whose epoch is not built yet, or not yet on its chain, has none. Writes nothing but that file.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildLeafFile } from '../../contracts/merkle/build-leaf-file.ts';
import { receiptLeaf } from '../../contracts/merkle/flat-tree.ts';
import { proofFromFile } from '../../contracts/merkle/tree-file.ts';
import type { Database } from '../../db/database.ts';
import { receiptRows } from '../../db/repositories/epoch-leaf-repository.ts';
import type { Receipt } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { ReceiptProof } from './receipt-file.ts';

type Market = Pick<MarketplaceContext, 'db' | 'chain' | 'dataDir'>;

/** Null while the receipt is in no epoch, or its epoch is not built or, with a chain, not finally posted. @throws when the stored receipts give another root */
export async function receiptProof(
  market: Market,
  { callId, hash }: Pick<Receipt, 'callId' | 'hash'>,
): Promise<ReceiptProof | null> {
  const epoch = await market.db
    .selectFrom('epochReceipt')
    .innerJoin('epoch', 'epoch.number', 'epochReceipt.epochNumber')
    .select(['epoch.number', 'epoch.receiptsRoot as root', 'epoch.blockNumber'])
    .where('epochReceipt.callId', '=', callId)
    .executeTakeFirst();
  if (epoch === undefined || epoch.root === null) return null;
  const { chain } = market;
  // Until its posting is final the registry knows no such root: whoever asked it would call a true receipt false.
  if (chain !== null && epoch.blockNumber === null) return null;
  const { number, root } = epoch;
  const leaf = receiptLeaf(hash);
  const folder = join(market.dataDir, 'epochs', 'proofs');
  const treeFile = join(folder, `${number}.receipts.tree`);
  let found = await proofFromFile(treeFile, root, leaf);
  if (!found.ok) {
    await buildOnce(market.db, { number, folder, treeFile });
    found = await proofFromFile(treeFile, root, leaf);
  }
  if (!found.ok) throw new Error(`the receipts of epoch ${number} do not lead to its root ${root}`);
  return {
    number,
    root,
    proof: found.proof,
    chainId: chain === null ? null : String(chain.chainId),
    registry: chain === null ? null : chain.addresses.registry.toLowerCase(),
  };
}

/** Trees being built in this process, by file: whoever asks meanwhile waits for the same building. */
const buildings = new Map<string, Promise<unknown>>();

async function buildOnce(
  db: Database,
  {
    number,
    folder,
    treeFile,
  }: { readonly number: number; readonly folder: string; readonly treeFile: string },
): Promise<void> {
  const building =
    buildings.get(treeFile) ??
    mkdir(folder, { recursive: true }).then(() => {
      const file = join(folder, `${number}.receipts.jsonl`);
      return buildLeafFile({ kind: 'receipts', epoch: number, file, treeFile }, receiptRows(db, number));
    });
  buildings.set(treeFile, building);
  try {
    await building;
  } finally {
    buildings.delete(treeFile);
  }
}
