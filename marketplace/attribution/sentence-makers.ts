// Who made each sentence of an answer, measured when somebody asks: 🔍 and then "Sentence by sentence". Used by
// create-marketplace.ts. Reads only: payment went by the whole answer and stays as it was.
// Rules as of payment where a reader can see them: what was retracted has no share, that of a cluster's first passes to the next
// of somebody else (pay-cluster.ts), a person's contributions are summed.
// What was measured for a call is kept for the next who asks, so that a busy button costs one measurement.
import { getCall } from '../../db/repositories/call-repository.ts';
import { contributionsOfVersion } from '../../db/repositories/datanet-version-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import { getReceipt } from '../../db/repositories/receipt-repository.ts';
import type { Call, ModelVersion } from '../../db/schema.ts';
import type { Engine, PartShares } from '../../engine/engine.ts';
import { adapterOf } from '../listings/adapter-of.ts';
import { readyStore } from '../listings/ready-store.ts';
import type { AskInput } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { ReceiptBody } from '../receipts/receipt-body.ts';
import { receiptNumber } from '../receipts/receipt-number.ts';
import { paidOfClusters } from './pay-cluster.ts';
import { readMakers } from './read-makers.ts';
import { sentencesOf } from './sentences.ts';
import { servedPrompt } from './served-prompt.ts';
import { standsIn } from './stands-in.ts';

export interface SentenceMakers {
  readonly ok: true;
  readonly receiptNumber: string;
  readonly sentences: readonly {
    readonly text: string;
    /** Largest share first. */
    readonly makers: readonly { readonly pseudonym: string; readonly share: number }[];
    /** 0..1: what could not be traced to anybody. */
    readonly untraced: number;
  }[];
}

export type SentenceMakersRefusal = {
  readonly ok: false;
  /** No such answer in this place; not attributed yet; nothing of it could be measured. */
  readonly code: 'not_found' | 'pending' | 'not_measured';
};

type Market = Pick<
  MarketplaceContext,
  'db' | 'engine' | 'dataDir' | 'demoDir' | 'stopping' | 'settings' | 'log'
>;

/** @throws EngineError of measuring */
export async function sentenceMakers(
  market: Market,
  callId: string,
  place: AskInput['conversationKey'],
): Promise<SentenceMakers | SentenceMakersRefusal> {
  const call = await getCall(market.db, callId);
  const receipt = await getReceipt(market.db, callId);
  const version = call && (await getModelVersion(market.db, call.modelVersionId));
  if (call === undefined || receipt === undefined || version === undefined)
    return { ok: false, code: 'not_found' };
  if (!(await standsIn(market.db, call, place))) return { ok: false, code: 'not_found' };
  const { attribution } = receipt.body as unknown as ReceiptBody;
  if (attribution === null) return { ok: false, code: 'pending' };
  const parts = attribution.storeHash === '' ? null : await measured(market, call, version);
  if (parts === null) return { ok: false, code: 'not_measured' };
  const contributions = await contributionsOfVersion(market.db, version.datanetVersionId);
  const paid = parts.map(({ text, shares }) => ({ text, shares: paidOfClusters(shares, contributions) }));
  const ids = paid.flatMap(({ shares }) => shares.map(({ exampleId }) => exampleId));
  const makers = await readMakers(market.db, ids);
  return {
    ok: true,
    receiptNumber: receiptNumber(receipt.number),
    sentences: paid.map(({ text, shares }) => {
      const byName = new Map<string, number>();
      for (const { exampleId, share } of shares) {
        const maker = makers.get(exampleId);
        if (maker === undefined || maker.takenBack) continue;
        byName.set(maker.pseudonym, (byName.get(maker.pseudonym) ?? 0) + share);
      }
      const named = [...byName]
        .map(([pseudonym, share]) => ({ pseudonym, share }))
        .sort((a, b) => b.share - a.share);
      const untraced = Math.max(
        0,
        named.reduce((rest, { share }) => rest - share, 1),
      );
      return { text, makers: named, untraced };
    }),
  };
}

const KEPT_MAX = 200;
const kept = new WeakMap<Engine, Map<string, Promise<readonly PartShares[] | null>>>();

async function measured(
  market: Market,
  call: Call,
  version: ModelVersion,
): Promise<readonly PartShares[] | null> {
  const known = kept.get(market.engine) ?? new Map<string, Promise<readonly PartShares[] | null>>();
  kept.set(market.engine, known);
  const found = known.get(call.id) ?? measure(market, call, version);
  known.delete(call.id);
  known.set(call.id, found);
  const [oldest] = known.keys();
  if (known.size > KEPT_MAX) known.delete(oldest);
  return await found.catch((fault: unknown) => {
    known.delete(call.id);
    throw fault;
  });
}

async function measure(
  market: Market,
  call: Call,
  version: ModelVersion,
): Promise<readonly PartShares[] | null> {
  const storeDir = await readyStore(market, version);
  const answer = call.answer ?? '';
  const ranges = sentencesOf(answer);
  if (storeDir === null || ranges.length === 0) return null;
  const messages = await servedPrompt(market, call, version);
  return await market.engine.attributeParts({
    adapter: adapterOf(market, version),
    ...{ storeDir, messages, answer, ranges },
  });
}
