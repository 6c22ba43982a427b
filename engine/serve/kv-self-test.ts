// Chooses, when a session starts, how keys and values reach the cache with the binding at hand: two steps are run
// without tricks, and then each faster way must give the same bits. Used by serve-session.ts. The ways are explained in
// serve-run.ts. A way that fails is not an error: the next one is tried, and `plain` needs nothing of the binding.
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { LlamaConfig } from '../model/model-config.ts';
import type { KvRows } from './kv-rows.ts';
import { type KvMode, type RunFunction, runPoisoned } from './serve-run.ts';
import { prefillFeeds } from './step-feeds.ts';

interface SelfTest {
  /** Of a graph of the in_place form without adapters. */
  readonly session: InferenceSession;
  readonly run: RunFunction;
  /** Row 0 is used and left dirty. */
  readonly kv: KvRows;
  readonly config: LlamaConfig;
}

type Outputs = Readonly<Record<string, Tensor>>;

const prompt = [
  [0, 1, 1, 0],
  [1, 0],
];
const tokens = prompt.flat().length;

export async function chooseKvMode(test: SelfTest): Promise<KvMode> {
  const { session, run } = test;
  try {
    let returnsGiven = true;
    const truth = await trial(test, async (feeds, fetches) => {
      const results = await run(session, feeds, fetches);
      const returned: Record<string, Tensor> = {};
      for (const [name, given] of Object.entries(fetches)) {
        const tensor = results[name];
        if (!(tensor instanceof Tensor)) throw new Error(`the run returned no ${name}`);
        if (!sameMemory(tensor, given)) returnsGiven = false;
        returned[name] = tensor;
      }
      return returned;
    });
    const written = await trial(test, async (feeds, fetches) => {
      if (returnsGiven) await run(session, feeds, fetches);
      else await runPoisoned(run, session, feeds, { poison: null, ...fetches });
      return fetches;
    });
    const equal = truth.every((values, index) =>
      values.every((value, at) => Object.is(value, written[index][at])),
    );
    if (equal) return returnsGiven ? 'native_reuse' : 'in_place';
  } catch {
    // Whatever the binding did, it is not one of the two fast ways.
  }
  return 'plain';
}

/** Four tokens into row 0, then two more: logits and cache after each. */
async function trial(
  { kv, config }: SelfTest,
  runStep: (feeds: Outputs, fetches: Outputs) => Promise<Outputs>,
): Promise<readonly Float32Array[]> {
  const cache = kv.views(0, 1, 'present');
  const blank = kv.read(0, tokens);
  for (const part of blank.parts) part.fill(0);
  kv.write(0, blank, tokens); // nothing of an earlier trial may pass for a result
  const seen: Float32Array[] = [];
  let length = 0;
  for (const ids of prompt) {
    const seq = ids.length;
    const total = length + seq;
    const input = { row: 0, start: length, ids, temperature: 1, wanted: 'last' } as const;
    const feeds = prefillFeeds(cache.past, input, [seq - 1]);
    const logits = new Float32Array(config.vocab).fill(Number.NaN);
    const fetches = { logits: new Tensor('float32', logits, [1, config.vocab]), ...cache.outputs };
    const results = await runStep(feeds, fetches);
    for (const [name, tensor] of Object.entries(results)) {
      // A binding that returns copies may not have written the given tensors.
      const given: Outputs = fetches;
      if (!sameMemory(tensor, given[name])) floats(given[name]).set(floats(tensor));
    }
    seen.push(logits.slice(), ...kv.read(0, total).parts);
    length = total;
  }
  return seen;
}

function sameMemory(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  const [x, y] = [floats(a), floats(b)];
  return x.buffer === y.buffer && x.byteOffset === y.byteOffset && x.length === y.length;
}

function floats(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new Error('bug: a serving tensor is not f32');
}
