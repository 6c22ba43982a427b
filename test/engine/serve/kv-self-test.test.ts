// How a session finds out what the binding at hand does with preallocated outputs: with the real one, and with the
// behaviour of others put between session and runtime. Whatever is chosen, the answers are the same to the bit.
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { weightOf } from '../../../engine/model/llama-weights.ts';
import { type RunFunction, runSession } from '../../../engine/serve/serve-run.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const weights = randomWeights(tinyConfig);
const ids = randomIds(tinyConfig, 30);

/** The mode chosen, and logits after a prompt and three tokens beside another row. */
async function outcome(run?: RunFunction) {
  const session = await createBatchSession({
    ...{ config: tinyConfig, weights: 'f32', rowsMax: 3, run },
    read: (name) => weightOf(weights, name).data,
  });
  const prompt = { start: 0, temperature: 1, wanted: 'last' } as const;
  await session.prefill({ ...prompt, row: 0, ids: ids.slice(0, 7) });
  const seen = [(await session.prefill({ ...prompt, row: 1, ids: ids.slice(0, 20) })).logits(0).slice()];
  for (let at = 20; at < 23; at++) {
    const step = await session.decode({ ids: [5, ids[at]], lengths: [at - 13, at], temperatures: [1, 1] });
    seen.push(step.logits(1).slice());
  }
  await session.release();
  return { kvMode: session.kvMode, seen };
}

/** Runs without the poison and gives the tensors that were handed in back as results: microsoft/onnxruntime#32346. */
const returnsGiven: RunFunction = async (session, feeds, { poison: _, ...fetches }) => {
  const results = await runSession(session, feeds, fetches);
  return { ...results, ...Object.fromEntries(Object.entries(fetches).filter(([, given]) => given !== null)) };
};

/** Sequences can be returned, so nothing stops the copies. */
const knowsSequences: RunFunction = async (session, feeds, { poison: _, ...fetches }) =>
  runSession(session, feeds, fetches);

/** Feeds are copied first, and outputs never land in the tensors that were handed in. */
const copiesAll: RunFunction = async (session, feeds, { poison, ...fetches }) => {
  const copies = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    new Tensor(type, data.slice(), dims),
  ]);
  const asked = Object.fromEntries(Object.keys(fetches).map((name) => [name, null]));
  const results = await runSession(session, Object.fromEntries(copies), asked);
  if (poison === null) throw new Error('Non tensor type is temporarily not supported.');
  return results;
};

/** Like the real one, but a run that ends early has not written all of the cache. */
const forgetsTheEnd: RunFunction = async (session, feeds, fetches) => {
  try {
    return await runSession(session, feeds, fetches);
  } catch (error) {
    if ('present_v.1' in fetches && fetches['present_v.1']?.data instanceof Float32Array)
      fetches['present_v.1'].data.fill(0);
    throw error;
  }
};

const refuses: RunFunction = async (session, feeds, fetches) => {
  if ('present_k.0' in fetches) throw new Error('preallocated outputs are not supported');
  return runSession(session, feeds, fetches);
};

describe('the start-up self-test', () => {
  it('takes the way in place with onnxruntime-node 1.30', async () => {
    // If this fails after an upgrade, answers are still right, but steps may copy the cache: see serve-run.ts.
    expect((await outcome()).kvMode).toBe('in_place');
  });

  it.each([
    ['returns the tensors it was given', returnsGiven, 'native_reuse'],
    ['can return sequences and copies', knowsSequences, 'plain'],
    ['copies what goes in and what comes out', copiesAll, 'plain'],
    ['writes only part of the outputs', forgetsTheEnd, 'plain'],
    ['refuses preallocated outputs', refuses, 'plain'],
  ] as const)('with a binding that %s still answers the same to the bit', async (_what, run, kvMode) => {
    const expected = await outcome();
    const other = await outcome(run);
    expect(other.kvMode).toBe(kvMode);
    expect(other.seen).toEqual(expected.seen);
  });
});
