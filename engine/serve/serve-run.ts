// One run of a serving graph so that new keys and values end up in the cache without a copy of it. Used by
// serve-session.ts and kv-self-test.ts. It knows no requests.
// onnxruntime-node 1.30 writes preallocated outputs in place and then copies each of them on return, the whole KV cache
// included. Three ways of living with that:
// in_place:     the graph's first output `poison` is a sequence, which the binding cannot convert: the run completes,
//               every output is written, and it throws before any copy;
// native_reuse: a binding that returns the given tensors themselves needs no trick (microsoft/onnxruntime#32346);
// plain:        the graph returns only the keys and values of the new tokens, and the caller writes them.
import type { InferenceSession, Tensor } from 'onnxruntime-node';

export type KvMode = 'in_place' | 'native_reuse' | 'plain';
export type Feeds = Readonly<Record<string, Tensor>>;

/** `session.run`, or in tests the behaviour of another version of the binding. */
export type RunFunction = (
  session: InferenceSession,
  feeds: Feeds,
  fetches: Readonly<Record<string, Tensor | null>>,
) => Promise<Readonly<Record<string, unknown>>>;

export const runSession: RunFunction = (session, feeds, fetches) => session.run(feeds, fetches);

/** What 1.30 says when it meets the poison; anything else is a real fault. */
const poisonMessage = 'Non tensor type is temporarily not supported.';

/** @param fetches `poison` first, then preallocated outputs only. @throws what the run throws, or if it did not stop */
export async function runPoisoned(
  run: RunFunction,
  session: InferenceSession,
  feeds: Feeds,
  fetches: Readonly<Record<string, Tensor | null>>,
): Promise<void> {
  try {
    await run(session, feeds, fetches);
  } catch (error) {
    if (error instanceof Error && error.message === poisonMessage) return;
    throw error;
  }
  throw new Error('bug: the poisoned run was expected to throw');
}
