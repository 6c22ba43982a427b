// Records datanet versions and published model versions in the registry, one a call, oldest first. Used by settle-step.ts. The
// chain remembers: what stands there already is only noted in our rows, so a death between the two costs one question more.
// A version counts as recorded when the registry says so, not when a transaction was sent.
import { resolve } from 'node:path';
import { ChainFault, type ChainPoster } from '../../contracts/client/chain.ts';
import {
  noteRecorded,
  unrecordedDatanetVersion,
  unrecordedModelVersion,
} from '../../db/repositories/chain-record-repository.ts';
import type { ChainRecordKind } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { adapterSha256 } from '../receipts/adapter-hash.ts';

type Market = Pick<MarketplaceContext, 'db' | 'dataDir' | 'log'>;

/**
 * @returns what was sent, found or given up, in words; null when nothing is left to record
 * @throws ChainFault when the chain cannot be reached or refuses for another reason than the version itself
 */
export async function recordNextVersion(market: Market, poster: ChainPoster): Promise<string | null> {
  const datanet = await unrecordedDatanetVersion(market.db);
  if (datanet !== undefined) {
    const { slug, number, root } = datanet;
    const what = `version ${number} of the datanet ${slug}`;
    return await record(market, 'datanet_version', { id: datanet.id, what }, () =>
      poster.recordDatanetVersion({ datanet: slug, number, root }),
    );
  }
  const model = await unrecordedModelVersion(market.db);
  if (model === undefined) return null;
  const { slug, number, datanetRoot } = model;
  const subject = { id: model.id, what: `version ${number} of the model ${slug}` };
  const sha256 = await adapterSha256(resolve(market.dataDir, model.adapterDir));
  if (sha256 === null)
    return await giveUp(market, 'model_version', subject, 'its weights are not on this machine');
  return await record(market, 'model_version', subject, () =>
    poster.recordModelVersion({ model: slug, number, hash: `0x${sha256}`, datanetRoot }),
  );
}

interface Subject {
  readonly id: string;
  readonly what: string;
}

async function record(
  market: Market,
  kind: ChainRecordKind,
  subject: Subject,
  send: () => Promise<string | null>,
): Promise<string> {
  try {
    if ((await send()) === null) await noteRecorded(market.db, kind, subject.id, null);
    return subject.what;
  } catch (fault) {
    // Another hash stands there under this number: nothing is overwritten, and the versions after it go on.
    if (!(fault instanceof ChainFault) || !fault.contractError?.startsWith('AlreadyRecorded')) throw fault;
    return await giveUp(market, kind, subject, fault.message);
  }
}

async function giveUp(
  { db, log }: Market,
  kind: ChainRecordKind,
  { id, what }: Subject,
  problem: string,
): Promise<string> {
  log.warn({ id, problem }, `${what} cannot be recorded in the registry`);
  await noteRecorded(db, kind, id, problem);
  return what;
}
