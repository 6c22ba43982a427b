// Makes an epoch's trees and leaf files out of what was fixed when it was cut, in worker threads. Used by settle-epochs.ts,
// and by whoever finds a file missing: the same rows give the same bytes. The roots are stored once; later they are compared.
// It says nothing about what is on chain.
import { buildLeafFile } from '../../contracts/merkle/build-leaf-file.ts';
import type { LeafKind } from '../../contracts/merkle/flat-tree.ts';
import { leafFileHash } from '../../contracts/merkle/leaf-file.ts';
import type { BuiltLeafFile } from '../../contracts/merkle/tree-protocol.ts';
import { type Database, transact } from '../../db/database.ts';
import { claimRows, receiptRows } from '../../db/repositories/epoch-leaf-repository.ts';
import { moveEpoch } from '../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { weiOfNano } from '../wallets/wei.ts';
import { claimsTreePath, leafFilePath } from './epoch-files.ts';

type Market = Pick<MarketplaceContext, 'db' | 'dataDir' | 'clock' | 'stopping'>;

/** From state `cut` to `built`. @throws what the worker throws; the epoch stays as it is and is built again */
export async function buildEpoch(market: Market, epoch: Epoch): Promise<void> {
  const { receipts, claims } = await buildFiles(market, epoch);
  const totalWei = weiOfNano(epoch.claimsTotalNano);
  if (
    receipts.count !== epoch.receiptCount ||
    claims.count !== epoch.claimCount ||
    claims.totalWei !== totalWei
  )
    throw new Error(
      `epoch ${epoch.number} has ${receipts.count} receipts and ${claims.count} claims of ${claims.totalWei} wei, not what was cut`,
    );
  const fileHashes = { receipts: receipts.fileHash, claims: claims.fileHash };
  await transact(market.db, (tx) =>
    moveEpoch(tx, {
      number: epoch.number,
      from: ['cut'],
      to: 'built',
      facts: {
        receiptsRoot: receipts.root,
        claimsRoot: claims.root,
        receiptsFileHash: receipts.fileHash,
        claimsFileHash: claims.fileHash,
        leafFileHash: leafFileHash(fileHashes),
        builtAt: market.clock(),
      },
    }),
  );
}

/**
 * Writes both files, and the claims tree's nodes.
 * @throws Error when an epoch that was built before comes out differently: its rows, or its files' format, were changed
 */
export async function buildFiles(
  market: Market,
  epoch: Epoch,
): Promise<{ readonly receipts: BuiltLeafFile; readonly claims: BuiltLeafFile }> {
  const receipts = await buildFile(market, epoch, 'receipts');
  const claims = await buildFile(market, epoch, 'claims');
  return { receipts, claims };
}

async function buildFile(market: Market, epoch: Epoch, kind: LeafKind): Promise<BuiltLeafFile> {
  const { db, dataDir, stopping } = market;
  const { number, claimsNumber } = epoch;
  const built = await buildLeafFile(
    {
      kind,
      epoch: number,
      file: leafFilePath(dataDir, number, kind),
      treeFile: kind === 'claims' && claimsNumber !== null ? claimsTreePath(dataDir, claimsNumber) : null,
    },
    kind === 'receipts' ? receiptRows(db, number) : claimRowsInWei(db, claimsNumber),
    stopping,
  );
  const before = kind === 'receipts' ? epoch.receiptsFileHash : epoch.claimsFileHash;
  if (before !== null && before !== built.fileHash)
    throw new Error(
      `the ${kind} file of epoch ${number} has the hash ${built.fileHash} now, it had ${before}`,
    );
  return built;
}

/** One nano is 10^9 wei: nine zeros more, as text. */
async function* claimRowsInWei(db: Database, claimsNumber: number | null): AsyncGenerator<string> {
  if (claimsNumber === null) return;
  for await (const piece of claimRows(db, claimsNumber)) yield piece.replaceAll('\n', `${NANO_ZEROS}\n`);
}

const NANO_ZEROS = '0'.repeat(9);
