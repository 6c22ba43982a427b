// A real worker under random traffic: answers with adapters of every rank, scores, aborts, callers who leave, deadlines,
// adapters that are not there, and crashes. Every call ends, in a way that its caller may expect, and what is written to
// its end is to the bit what the same request gets alone. It found ranks that were not (rank-invariance.test.ts) and
// scores that were taken for something else while they waited.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdapterRef } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/errors.ts';
import { projections } from '../../../engine/model/llama-weights.ts';
import { createServeClient, type ServeClient } from '../../../engine/serve/serve-client.ts';
import type { TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { type TinyFolders, tinyFolderConfig, writeTinyFolders } from './tiny-model-folder.ts';

const variants = 48;
const callsMax = 700;
const atOnce = 14;
const crashes = 3;
/** Few rows, a pool that holds a few adapters, a prefix store that holds a few prompts: everything is contended for. */
const narrow = {
  device: 'cpu',
  weights: 'f32',
  threads: 1,
  rowsMax: 5,
  queueMax: atOnce,
  adapterBytesMax: 120_000,
  prefixBytesMax: 60_000,
} as const;

let folders: TinyFolders;
let adapters: readonly AdapterRef[];
let client: ServeClient;
let deaths = 0;

beforeAll(async () => {
  folders = writeTinyFolders();
  adapters = Array.from({ length: 17 }, (_, index) => {
    const dir = join(folders.root, `adapter ${index}`);
    const targets = index % 3 === 0 ? projections : (['mlp.up_proj', 'self_attn.k_proj'] as const);
    if (index < 16) writeRandomAdapter(dir, tinyFolderConfig, { rank: index + 1, seed: index, targets });
    return { id: `adapter ${index}`, dir }; // the last one is not there
  });
  client = await createServeClient({ ...narrow, modelDir: folders.model, onWorkerDeath: () => deaths++ });
});
afterAll(async () => {
  await client.close();
  rmSync(folders.root, { recursive: true });
});

function requestOf(variant: number): TokenRequest {
  const random = seededRandom(variant);
  const length = 1 + Math.floor(random() * 100);
  const own = Array.from({ length }, () => 20 + Math.floor(random() * 200));
  const promptIds = random() < 0.5 ? own : own.map((id, at) => (at < 40 ? 30 + at : id)); // half begin alike
  return {
    promptIds,
    adapter: random() < 0.7 ? adapters[variant % adapters.length] : undefined,
    maxTokens: 1 + Math.floor(random() * 40),
    stopIds: [2],
    temperature: random() < 0.3 ? 0 : 1,
    topP: random() < 0.3 ? 0.9 : undefined,
    repetitionPenalty: random() < 0.2 ? 1.3 : undefined,
    logprobs: random() < 0.5 ? 3 : undefined,
    seed: variant,
  };
}

interface Told {
  readonly ending: string;
  readonly tokens: string;
}

/** @param leaveAfter events, then the caller leaves the loop */
async function told(
  request: TokenRequest,
  signal?: AbortSignal,
  leaveAfter = Number.POSITIVE_INFINITY,
): Promise<Told> {
  const tokens: unknown[] = [];
  let events = 0;
  for await (const event of client.generate(request, signal)) {
    if (event.type === 'token') tokens.push([event.id, event.likelihood]);
    if (event.type === 'done') return { ending: event.reason, tokens: JSON.stringify(tokens) };
    if (++events >= leaveAfter) break;
  }
  return { ending: 'left', tokens: JSON.stringify(tokens) };
}

it('700 calls, 14 at once on 5 rows, 3 crashes: every call ends, and what is whole is what it is alone', async () => {
  const alone = new Map<number, string>();
  for (let variant = 0; variant < variants; variant++) {
    const request = requestOf(variant);
    if (request.adapter !== adapters[16]) alone.set(variant, JSON.stringify(await told(request)));
  }

  const endings = new Map<string, number>();
  const note = (ending: string): void => void endings.set(ending, (endings.get(ending) ?? 0) + 1);
  const one = async (call: number): Promise<void> => {
    const random = seededRandom(9000 + call);
    const variant = Math.floor(random() * variants);
    const request = requestOf(variant);
    const kind = random();
    try {
      if (kind < 0.1) {
        const nll = await client.score(request.promptIds, request.adapter);
        expect(nll.length).toBe(request.promptIds.length - 1);
        expect(nll.every(Number.isFinite)).toBe(true);
        return note('scored');
      }
      if (kind < 0.15) client.prefetchAdapter(adapters[Math.floor(random() * 17)]);
      const stop = new AbortController();
      const timer = kind < 0.35 ? setTimeout(() => stop.abort(), random() * 40) : undefined;
      const deadlineAt = kind > 0.9 ? Date.now() + random() * 60 : undefined;
      const fairnessKey = random() < 0.5 ? `key ${call % 3}` : undefined;
      const leaveAfter = kind > 0.35 && kind < 0.45 ? 1 + Math.floor(random() * 6) : undefined;
      const made = await told({ ...request, deadlineAt, fairnessKey }, stop.signal, leaveAfter);
      clearTimeout(timer);
      note(made.ending);
      const isWhole = made.ending === 'stop' || made.ending === 'length';
      if (isWhole) expect(JSON.stringify(made), `variant ${variant}`).toBe(alone.get(variant));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      note(error.code);
    }
  };

  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < callsMax) {
      const call = next++;
      if (call > 0 && call % Math.floor(callsMax / (crashes + 1)) === 0 && call < callsMax - 10)
        await client.crash();
      await one(call);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));

  const expected = [
    'scored',
    'stop',
    'length',
    'left',
    'cancelled',
    'deadline',
    'deadline_exceeded',
    'file_unreadable',
    'worker_died',
  ];
  expect([...endings.keys()].filter((ending) => !expected.includes(ending))).toEqual([]);
  expect(endings.get('length')).toBeGreaterThan(100);
  expect(endings.get('worker_died')).toBeGreaterThan(0);
  expect(deaths).toBe(crashes);
  expect([...endings.values()].reduce((sum, count) => sum + count, 0)).toBe(callsMax);
}, 60_000);
