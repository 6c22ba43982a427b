// The adapter pool: what stays in memory, what goes first, who shares a read, and that no fault harms the next load.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdapterPool, createAdapterPool } from '../../../engine/serve/adapter-pool.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { testFolder } from '../model/test-folder.ts';
import { tinyConfig } from './tiny-llama.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
let root: string;
let size: number; // of one adapter, bytes
beforeAll(async () => {
  root = sharedFolder();
  names.forEach((name, seed) => {
    writeRandomAdapter(join(root, name), tinyConfig, { seed, rank: 4 });
  });
  size = (await poolOf(1e9).load(ref('a'))).data.byteLength;
});
afterAll(() => rmSync(root, { recursive: true }));

const sharedFolder = () => mkdtempSync(join(tmpdir(), 'adapter-pool-'));
const ref = (name: string) => ({ id: name, dir: join(root, name) });
const poolOf = (bytesMax: number, readsMax?: number) =>
  createAdapterPool({ config: tinyConfig, bytesMax, readsMax });
const warmNames = (pool: AdapterPool) => names.filter((name) => pool.state(ref(name)) === 'warm');
async function loadAll(pool: AdapterPool, order: string): Promise<void> {
  for (const name of order) await pool.load(ref(name));
}
async function settled(pool: AdapterPool): Promise<void> {
  for (let turn = 0; pool.stats().loading > 0; turn++) {
    if (turn > 5000) throw new Error('a load never ended');
    await pause(1);
  }
}

describe('the memory tier', () => {
  it('lets the least recently used of four go when three fit, and nothing before that', async () => {
    const pool = poolOf(3 * size);
    await loadAll(pool, 'abc');
    const a = await pool.load(ref('a'));
    await loadAll(pool, 'd');
    expect(warmNames(pool)).toEqual(['a', 'c', 'd']);
    expect(await pool.load(ref('a'))).toBe(a);
    expect(pool.stats()).toEqual({
      ...{ warm: 3, loading: 0, pinned: 0, bytes: 3 * size, bytesMax: 3 * size },
      ...{ hits: 2, shared: 0, misses: 4, evictions: 1, failures: 0 },
    });
  });

  it('keeps what is pinned, beyond the budget if it must, and comes back to the budget when it is released', async () => {
    const pool = poolOf(2 * size);
    const releases = ['a', 'b', 'c'].map((name) => pool.pin(ref(name)));
    await loadAll(pool, 'abc');
    expect([warmNames(pool), pool.stats().bytes]).toEqual([['a', 'b', 'c'], 3 * size]);
    await loadAll(pool, 'd'); // the newest stays too
    expect(warmNames(pool)).toEqual(['a', 'b', 'c', 'd']);
    releases[1]();
    releases[1]();
    expect(warmNames(pool)).toEqual(['a', 'c', 'd']);
    releases[0]();
    releases[2]();
    expect(warmNames(pool)).toEqual(['c', 'd']);
    expect(pool.stats().pinned).toBe(0);
  });

  it('needs as many releases as there were pins', async () => {
    const pool = poolOf(size);
    const [first, second] = [pool.pin(ref('a')), pool.pin(ref('a'))];
    await loadAll(pool, 'abc');
    first();
    first();
    expect(warmNames(pool)).toEqual(['a', 'c']);
    second();
    expect(warmNames(pool)).toEqual(['c']);
  });

  it('keeps the newest even if it alone is larger than the budget', async () => {
    const pool = poolOf(1);
    expect(await pool.load(ref('a'))).toBe(await pool.load(ref('a')));
    await loadAll(pool, 'b');
    expect(warmNames(pool)).toEqual(['b']);
  });

  it('serves a warm adapter after its folder is gone, and reads a forgotten one again', async () => {
    const dir = join(testFolder(), 'copy');
    cpSync(ref('a').dir, dir, { recursive: true });
    const copy = { id: 'copy', dir };
    const pool = poolOf(1e9);
    const before = await pool.load(copy);
    rmSync(dir, { recursive: true });
    expect(await pool.load(copy)).toBe(before);
    pool.forget(copy);
    expect([pool.state(copy), pool.stats().bytes]).toEqual(['cold', 0]);
    await expect(pool.load(copy)).rejects.toMatchObject({ code: 'file_unreadable' });
    cpSync(ref('b').dir, dir, { recursive: true });
    expect((await pool.load(copy)).data).toEqual((await pool.load(ref('b'))).data);
  });

  it('keeps nothing of 10,000 adapters it was asked about and never loaded', () => {
    const pool = poolOf(size);
    for (let i = 0; i < 10_000; i++) expect(pool.state({ id: `m${i}`, dir: `/none/${i}` })).toBe('cold');
    expect(pool.stats()).toMatchObject({ warm: 0, loading: 0, bytes: 0 });
  });
});

describe('loading', () => {
  it('is cold, then loading, then warm', async () => {
    const pool = poolOf(1e9);
    const seen = [pool.state(ref('a'))];
    const load = pool.load(ref('a'));
    seen.push(pool.state(ref('a')));
    await load;
    seen.push(pool.state(ref('a')));
    expect(seen).toEqual(['cold', 'loading', 'warm']);
  });

  it('shares one read among 20 that ask at once', async () => {
    const pool = poolOf(1e9);
    const all = await Promise.all(Array.from({ length: 20 }, () => pool.load(ref('a'))));
    expect(new Set(all).size).toBe(1);
    expect(pool.stats()).toMatchObject({ misses: 1, shared: 19, hits: 0, warm: 1, bytes: size });
  });

  it('reads what a request waits for before what was only prefetched', async () => {
    const pool = poolOf(1e9, 1);
    for (const name of 'abc') pool.prefetch(ref(name));
    const order: string[] = [];
    await Promise.all(
      ['d', 'c'].map(async (name) => {
        await pool.load(ref(name));
        order.push(name);
        if (name === 'c') expect(pool.state(ref('b'))).toBe('loading');
      }),
    );
    expect(order).toEqual(['d', 'c']);
    await settled(pool);
    expect(warmNames(pool)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets a prefetched adapter go rather than a pinned one, and prefers it to an idle one', async () => {
    const pool = poolOf(2 * size);
    const release = pool.pin(ref('a'));
    await loadAll(pool, 'ab');
    pool.prefetch(ref('c'));
    await settled(pool);
    expect(warmNames(pool)).toEqual(['a', 'c']);
    const releaseAll = pool.pin(ref('c'));
    pool.prefetch(ref('d'));
    await settled(pool);
    expect([warmNames(pool), pool.stats().bytes]).toEqual([['a', 'c'], 2 * size]);
    release();
    releaseAll();
  });

  it('forgets an adapter while it is being read: who asked before gets it, who asks later has it read anew', async () => {
    const pool = poolOf(1e9);
    const before = pool.load(ref('a'));
    pool.forget(ref('a'));
    expect(pool.state(ref('a'))).toBe('cold');
    const after = pool.load(ref('a'));
    expect(await before).not.toBe(await after);
    expect(await pool.load(ref('a'))).toBe(await after);
    expect(pool.stats()).toMatchObject({ warm: 1, bytes: size });
  });

  it('ignores prefetches beyond 256 in waiting', async () => {
    const pool = poolOf(1e9, 1);
    const many = Array.from({ length: 300 }, (_, i) => ({ id: `a${i}`, dir: ref('a').dir }));
    for (const each of many) pool.prefetch(each);
    expect(pool.state(many[256])).toBe('loading');
    expect(pool.state(many[257])).toBe('cold');
    await settled(pool);
    expect(pool.stats().warm).toBe(257);
  });
});

describe('a folder that cannot be served', () => {
  it('fails for all who wait, is tried again by the next, and leaves the pool as it was', async () => {
    const dir = join(testFolder(), 'spoilt');
    cpSync(ref('a').dir, dir, { recursive: true });
    writeFileSync(join(dir, 'adapter_model.safetensors'), 'not a weight file');
    const spoilt = { id: 'spoilt', dir };
    const pool = poolOf(2 * size, 1);
    await loadAll(pool, 'b');
    pool.prefetch(spoilt);
    const outcomes = await Promise.allSettled([pool.load(spoilt), pool.load(spoilt), pool.load(ref('c'))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(outcomes[0]).toEqual(outcomes[1]);
    expect(outcomes[0]).toMatchObject({ reason: { code: 'safetensors_malformed', retry: 'never' } });
    expect([pool.state(spoilt), warmNames(pool)]).toEqual(['cold', ['b', 'c']]);
    expect(pool.stats()).toMatchObject({ failures: 1, bytes: 2 * size });
    cpSync(ref('a').dir, dir, { recursive: true });
    expect((await pool.load(spoilt)).rank).toBe(4);
  });

  it('is silent when it was only prefetched', async () => {
    const pool = poolOf(1e9);
    pool.prefetch({ id: 'none', dir: join(root, 'none') });
    await settled(pool);
    expect(pool.stats()).toMatchObject({ failures: 1, warm: 0 });
  });

  it('is refused when its rank is above the setting', async () => {
    const pool = createAdapterPool({ config: tinyConfig, bytesMax: 1e9, rankMax: 3 });
    await expect(pool.load(ref('a'))).rejects.toMatchObject({ code: 'adapter_rank_too_large' });
  });
});

/** The policy in a few lines, to compare with: oldest use first, `pins` by name. */
function modelPool(places: number) {
  let warm: string[] = [];
  const pins = new Map<string, number>();
  const trim = (isSpared: (name: string) => boolean): void => {
    while (warm.length > places) {
      const victim = warm.find((name) => !pins.get(name) && !isSpared(name));
      if (victim === undefined) return;
      warm = warm.filter((name) => name !== victim);
    }
  };
  let newest = '';
  const use = (name: string): void => {
    warm = [...warm.filter((each) => each !== name), name];
    newest = name;
    trim((each) => each === newest);
  };
  return {
    load: use,
    prefetch: (name: string) => {
      const wasWarm = warm.includes(name);
      use(name);
      if (!wasWarm && warm.length > places && !pins.get(name)) warm = warm.filter((each) => each !== name);
    },
    pin: (name: string) => pins.set(name, (pins.get(name) ?? 0) + 1),
    release: (name: string) => {
      pins.set(name, (pins.get(name) ?? 0) - 1);
      trim((each) => each === newest);
    },
    forget: (name: string) => {
      warm = warm.filter((each) => each !== name);
    },
    warm: () => [...warm].sort(),
  };
}

describe('any sequence of uses', () => {
  it('leaves in memory what the policy says, 60 random sequences of 20 to 60 steps', async () => {
    const step = fc.record({
      act: fc.constantFrom('load', 'load', 'load', 'load', 'prefetch', 'pin', 'release', 'release', 'forget'),
      name: fc.constantFrom(...names),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
        async (places, steps) => {
          const pool = poolOf(places * size);
          const model = modelPool(places);
          const held: { readonly name: string; readonly release: () => void }[] = [];
          for (const { act, name } of steps) {
            if (act === 'release') {
              const pin = held.shift();
              pin?.release();
              if (pin !== undefined) model.release(pin.name);
              continue;
            }
            model[act](name);
            if (act === 'load') await pool.load(ref(name));
            else if (act === 'pin') held.push({ name, release: pool.pin(ref(name)) });
            else pool[act](ref(name));
            await settled(pool);
            expect(warmNames(pool)).toEqual(model.warm());
            expect(pool.stats().bytes).toBe(size * model.warm().length);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('asked for all at once: every load answered with its own adapter, the budget kept, pinned ones present', async () => {
    const expected = new Map<string, Float32Array>();
    for (const name of names) expected.set(name, (await poolOf(1e9).load(ref(name))).data);
    const plan = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(plan, fc.integer({ min: 1, max: 3 }), async (order, places) => {
        const pool = poolOf(places * size, 2);
        const release = pool.pin(ref(order[0]));
        const loads = order.map(async (name, i) => {
          if (i % 3 === 0) await pause(0);
          const { data } = await pool.load(ref(name));
          expect(data).toEqual(expected.get(name));
        });
        await Promise.all(loads);
        expect(pool.state(ref(order[0]))).toBe('warm');
        expect(pool.stats().bytes).toBeLessThanOrEqual(Math.max(places, 2) * size);
        release();
        expect(pool.stats()).toMatchObject({ loading: 0, pinned: 0 });
        expect(pool.stats().bytes).toBeLessThanOrEqual(places * size);
      }),
      { numRuns: 40 },
    );
  });
});
