// Step 3 of a paid call, the hold: the call's row and the amount set aside for it, in one transaction, so that neither
// exists without the other. Used by paid-call.ts. Idempotent by the inbound event: a retry after a lost commit finds
// what it wrote. Too little balance writes nothing and generates nothing.
import { id as keccakOfText } from 'ethers';
import { transact } from '../db/database.ts';
import { hold } from '../db/ledger/hold.ts';
import { createCall, moveCall } from '../db/repositories/call-repository.ts';
import type { CallRefusal } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { refusalOfSeen } from './open-call.ts';
import type { QuotedCall } from './quote.ts';
import { canonicalJson } from './receipts/canonical-json.ts';
import { waitForDatabase } from './wait-for-database.ts';

export interface HeldCall extends QuotedCall {
  readonly callId: string;
  readonly holdId: string;
}

/** Thrown inside the transaction to roll it back; carries the refusal out of it. */
class HoldRefused extends Error {
  readonly refusal: CallRefusal;
  constructor(refusal: CallRefusal) {
    super(refusal.ok ? '' : refusal.code);
    this.refusal = refusal;
  }
}

export async function placeHold(
  market: MarketplaceContext,
  quoted: QuotedCall,
): Promise<HeldCall | CallRefusal> {
  let tries = 0;
  try {
    return await waitForDatabase(market, () => {
      tries += 1;
      return tryToHold(market, quoted, tries > 1);
    });
  } catch (fault) {
    if (fault instanceof HoldRefused) return fault.refusal;
    throw fault;
  }
}

async function tryToHold(
  market: MarketplaceContext,
  quoted: QuotedCall,
  isRetry: boolean,
): Promise<HeldCall> {
  const { input, conversation, model, version, messages, question, quote } = quoted;
  return await transact(market.db, async (tx) => {
    const { call, created } = await createCall(tx, {
      eventKey: input.eventKey,
      personId: input.person.id,
      conversationId: conversation.id,
      modelId: model.id,
      modelVersionId: version.id,
      ceilingNano: quote.ceilingNano,
      prompt: question,
      promptHash: keccakOfText(canonicalJson(messages.map(({ role, content }) => ({ role, content })))),
    });
    // Somebody was faster, unless this is our own commit whose answer got lost.
    const ours = created || (isRetry && call.state === 'held' && call.personId === input.person.id);
    if (!ours) throw new HoldRefused(refusalOfSeen(call));
    quoted.live.is(call.id);
    const held = await hold(tx, {
      key: `hold:${call.id}`,
      ownerId: input.person.id,
      amountNano: quote.ceilingNano,
      callId: call.id,
      expiresAt: new Date(market.clock().getTime() + market.settings.holdLifeMs),
    });
    if (!held.ok) {
      if (held.code !== 'balance_too_low') throw new Error(`hold of ${call.id} was refused: ${held.code}`);
      const { neededNano, availableNano } = held;
      throw new HoldRefused({ ok: false, code: 'balance_too_low', neededNano, availableNano });
    }
    if (created)
      await moveCall(tx, { id: call.id, from: ['quoted'], to: 'held', facts: { holdId: held.holdId } });
    return { ...quoted, callId: call.id, holdId: held.holdId };
  });
}
