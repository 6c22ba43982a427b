// Which calls that wait are answered together: those for the same version, so that it is loaded once and its rows are gone
// through once. Used by attribute-worker.ts. It knows messages; no model, no scores.
import type { ToAttributeWorker } from './attribute-protocol.ts';
import { answersTogether } from './scan/row-scan.ts';

export type AttributeCall = Extract<ToAttributeWorker, { readonly type: 'attribute' }>;
export type PartsCall = Extract<ToAttributeWorker, { readonly type: 'attributeParts' }>;

/**
 * Takes out of `waiting`, in their order, the calls that ask for the version of `first`, as many as fit beside it. Nothing
 * that came after the worker was told to close overtakes that.
 */
export function takeSameVersion(
  waiting: ToAttributeWorker[],
  { request: { adapter, storeDir } }: AttributeCall,
): readonly AttributeCall[] {
  const taken: AttributeCall[] = [];
  const left: ToAttributeWorker[] = [];
  let isOpen = true;
  for (const message of waiting) {
    isOpen &&= message.type !== 'close';
    const fits =
      isOpen &&
      taken.length + 1 < answersTogether &&
      message.type === 'attribute' &&
      message.request.storeDir === storeDir &&
      message.request.adapter.dir === adapter.dir;
    if (fits) taken.push(message);
    else left.push(message);
  }
  waiting.splice(0, waiting.length, ...left);
  return taken;
}
