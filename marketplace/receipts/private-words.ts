// The words of a call for its owner's own receipt file: the prompt as the engine was given it, with the salt. The prompt is
// put together again from the conversation; how many earlier messages stood in it is found by the receipt's own hash, which
// also proves that these are the words. Used by read-receipt.ts. Reads only.
import type { Database } from '../../db/database.ts';
import type { Call } from '../../db/schema.ts';
import { messagesOfCall } from '../prompt-messages.ts';
import type { ReceiptFile } from './receipt-file.ts';
import { promptHashOf } from './words-hash.ts';

/** Earlier messages that are tried; no prompt holds more. */
const MESSAGES_MAX = 64;

/** Undefined when the conversation no longer holds the prompt's words. */
export async function privateWords(
  db: Database,
  call: Call,
  { salt, promptHash }: { readonly salt: string; readonly promptHash: string },
): Promise<ReceiptFile['private']> {
  const all = await messagesOfCall(db, call, MESSAGES_MAX);
  for (let from = 0; from < all.length; from++) {
    const prompt = all.slice(from).map(({ role, content }) => ({ role, content }));
    if (promptHashOf(salt, prompt) === promptHash) return { salt, prompt, answer: call.answer ?? '' };
  }
  return undefined;
}
