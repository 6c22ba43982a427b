// ✏️ under an answer: what it should have said, as a contribution of the same question that other people review. Used by
// create-marketplace.ts. Accepted, it is trained on like every contribution, and beside the answer it corrects it is a
// preference (read-preferences.ts). Only who asked may correct: the question is published with the correction.
// Refusals in order: the call, whose it is, the same words as the answer, then those of contributing.
import { getCall } from '../../db/repositories/call-repository.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { contribute } from '../datanets/contribute.ts';
import { duplicateHash } from '../datanets/contribution-hash.ts';
import type { CorrectResult, Marketplace } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export async function correctAnswer(
  market: MarketplaceContext,
  { callId, person, answer, conversationKey }: Parameters<Marketplace['correct']>[0],
): Promise<CorrectResult> {
  const call = await getCall(market.db, callId);
  if (call === undefined || call.state !== 'captured') return { ok: false, code: 'not_found' };
  if (call.personId !== person.id) return { ok: false, code: 'not_your_call' };
  const model = await getModel(market.db, call.modelId);
  const datanet = model === undefined ? undefined : await getDatanet(market.db, model.datanetId);
  if (datanet === undefined) return { ok: false, code: 'not_found' };
  const question = call.prompt;
  if (duplicateHash({ question, answer }) === duplicateHash({ question, answer: call.answer ?? '' })) {
    return { ok: false, code: 'same_answer' };
  }
  const contribution = { person, datanetSlug: datanet.slug, question, answer, conversationKey };
  return await contribute(market, contribution, callId);
}
