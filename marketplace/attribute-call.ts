// Step 7 of a paid call, a background job: who made this answer. The engine gives shares over the version's
// contributions, the call's data pool is split by them, and the receipt is completed, in one transaction.
// Used by job-runner.ts and tests. Idempotent: a call that is attributed is left alone.
// Rules: a retracted contribution's share, that of who asked, and all that lies under the noise floor, go to the disclosed
// fallback, among the version's accepted contributions (attribution/payable-shares.ts). A version whose attribution is not
// measured well enough pays nothing but the fallback (attribution/audits/measured-shares.ts).
import { type Tx, transact } from '../db/database.ts';
import { poolOf } from '../db/ledger/balances.ts';
import { splitPool } from '../db/ledger/split-pool.ts';
import { getCall, markAttributed } from '../db/repositories/call-repository.ts';
import { saveCallShares } from '../db/repositories/call-share-repository.ts';
import { contributionsOfVersion } from '../db/repositories/datanet-version-repository.ts';
import { getModelVersion } from '../db/repositories/model-version-repository.ts';
import { getReceipt } from '../db/repositories/receipt-repository.ts';
import { noteTrialEarnings } from '../db/repositories/trial-earning-repository.ts';
import type { Call, ModelVersion } from '../db/schema.ts';
import type { SampleShares } from '../engine/engine.ts';
import { drawCall } from './attribution/audits/draw-call.ts';
import { measuredShares } from './attribution/audits/measured-shares.ts';
import { gamingFacts } from './attribution/gaming-facts.ts';
import { paidOfClusters } from './attribution/pay-cluster.ts';
import { type PayableShares, payableShares } from './attribution/payable-shares.ts';
import { servedPrompt } from './attribution/served-prompt.ts';
import { adapterOf } from './listings/adapter-of.ts';
import { readyStore } from './listings/ready-store.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { type AttributionFacts, completeReceipt } from './receipts/complete-receipt.ts';
import { signedReceipt } from './receipts/sign-receipts.ts';
import { type PoolPayout, splitDataPool } from './split-price.ts';
import { isDatabaseAway } from './wait-for-database.ts';

/** After so many tries (about 50 minutes of growing pauses) contributors are not kept waiting: equal split, disclosed. */
const TRIES_MAX = 8;

/**
 * @param attempt which try of the job this is, from 1
 * @throws what the engine throws; the job is then tried again, and the pool waits untouched
 */
export async function attributeCall(
  market: MarketplaceContext,
  callId: string,
  attempt: number,
): Promise<void> {
  const call = await getCall(market.db, callId);
  if (call === undefined || call.state !== 'captured' || call.attributedAt !== null) return;
  const version = await getModelVersion(market.db, call.modelVersionId);
  if (version === undefined) throw new Error(`the model version of call ${callId} does not exist`);
  const shares = measuredShares(market, version, () => sampleShares(market, call, version), unattributed);
  const sample = await shares.catch((fault: unknown) => {
    // What is no fault of measuring (this program stops, the database is away) costs nobody their share.
    if (attempt < TRIES_MAX || market.stopping.aborted || isDatabaseAway(fault)) throw fault;
    market.log.error({ err: fault, callId }, 'attribution failed for good: equal split');
    return unattributed(`attribution failed ${attempt} times: equal split`);
  });
  const contributions = await contributionsOfVersion(market.db, version.datanetVersionId);
  const accepted = contributions.filter((contribution) => contribution.state === 'accepted');
  const payable = payableShares({
    ...{ shares: paidOfClusters(sample.shares, contributions), accepted },
    ...(await gamingFacts(market, call, version, accepted.length)),
  });
  await transact(market.db, async (tx) => {
    if (!(await markAttributed(tx, callId))) return;
    const payouts = await payPool(tx, callId, payable);
    await drawCall(tx, market, call);
    const facts = { ...sample, unpaid: payable.unpaid };
    await completeReceipt(tx, market, callId, facts, payouts, accepted);
  });
  // After the commit: the key may be slow. What fails here is signed by the loop of sign-receipts.ts.
  const receipt = await getReceipt(market.db, callId);
  if (receipt !== undefined) await signedReceipt(market, receipt);
}

interface Sample extends AttributionFacts {
  readonly shares: SampleShares['shares'];
}

function unattributed(note: string): Sample {
  return { shares: [], alpha: 0, noiseFloor: 0, storeHash: '', note };
}

async function sampleShares(market: MarketplaceContext, call: Call, version: ModelVersion): Promise<Sample> {
  const storeDir = await readyStore(market, version);
  if (storeDir === null) return unattributed('this version has no gradient store: equal split');
  const sample = await market.engine.attribute({
    adapter: adapterOf(market, version),
    storeDir,
    messages: await servedPrompt(market, call, version),
    answer: call.answer ?? '',
  });
  return { ...sample, note: null };
}

async function payPool(
  tx: Tx,
  callId: string,
  { influence, fallback }: PayableShares,
): Promise<readonly PoolPayout[]> {
  const poolNano = await poolOf(tx, callId);
  if (poolNano === 0n) return [];
  const payouts = splitDataPool(poolNano, influence, fallback, callId);
  const shares = payouts.map(({ personId, amountNano }) => ({ ownerId: personId, amountNano }));
  const result = await splitPool(tx, { key: `split:${callId}`, callId, shares });
  if (!result.ok) throw new Error(`split of ${callId} was refused: ${result.code}`);
  await saveCallShares(tx, callId, payouts);
  await noteTrialEarnings(tx, callId);
  return payouts;
}
