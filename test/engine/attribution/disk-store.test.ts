// A whole store built on disk against the one built in memory, on a tiny model: rows, what the store says of itself, the
// damping it chooses, answers' scores and shares, and what an interrupted build leaves. Its size at ten thousand contributions
// is told in LARGE-STORES.md; blocks of rows and columns are row-storage.test.ts's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attributor, createAttributor } from '../../../engine/attribution/attribute.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { buildStoreInChild } from '../../../engine/attribution/build-store-process.ts';
import { readStoreMeta } from '../../../engine/attribution/gradient-store.ts';
import { decoys, examples, makeTinyVersion, type TinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'disk-store-'));
const [memory, disk] = [join(folder, 'memory'), join(folder, 'disk')];
let version: TinyVersion;
let attributor: Attributor;
let hash = '';

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  const build = { ...version, examples, decoys, dampingRetrainings: 3 };
  await buildGradientStore({ ...build, storeDir: memory, form: 'memory' });
  hash = await buildGradientStore({ ...build, storeDir: disk, form: 'disk' });
  attributor = createAttributor({ modelDir: version.modelDir, threads: 1, storeBytesMax: 2 ** 30 });
});
afterAll(async () => {
  await attributor.release();
  rmSync(folder, { recursive: true, force: true });
});

describe('a store built on disk', () => {
  it('has the rows of the one built in memory, byte for byte, the damping it chose, and its curvature', () => {
    for (const name of ['features.bin', 'scales.bin'])
      expect(readFileSync(join(disk, name)).equals(readFileSync(join(memory, name)))).toBe(true);
    const [inMemory, onDisk] = [memory, disk].map((dir) => readStoreMeta(dir).meta);
    expect(onDisk.dampingTried).toHaveLength(6);
    expect(onDisk.points.length).toBeGreaterThan(1);
    expect(onDisk).toEqual({ ...inMemory, files: { ...inMemory.files, ...onDisk.files } });
    expect(Object.keys(onDisk.files)).toHaveLength(5);
    expect(onDisk.methodId).toBe('fisher/2');
  });

  it('gives answers the scores and shares that the one in memory gives', async () => {
    for (const at of [0, 7, 23]) {
      const asked = (storeDir: string) => ({
        ...{ adapter: version.adapter, storeDir, answer: examples[at].answer },
        messages: [{ role: 'user', content: examples[at].question }] as const,
      });
      const [inMemory, onDisk] = [
        await attributor.explain(asked(memory)),
        await attributor.explain(asked(disk)),
      ];
      expect(onDisk?.scores).toEqual(inMemory?.scores);
      const { storeHash: _, ...shares } = await attributor.attribute(asked(memory));
      expect(await attributor.attribute(asked(disk))).toEqual({ ...shares, storeHash: hash });
      expect(shares.shares[0].exampleId).toBe(examples[at].id);
    }
  });

  it('is the same store when it is built again', async () => {
    const again = { ...version, examples, decoys, dampingRetrainings: 3, storeDir: join(folder, 'again') };
    expect(await buildGradientStore({ ...again, form: 'disk' })).toBe(hash);
  });

  it('leaves nothing behind when the process that asked for it goes away', async () => {
    const entry = fileURLToPath(new URL('../../../engine/attribution/build-store-main.ts', import.meta.url));
    const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'pipe', 'inherit'] });
    const storeDir = join(folder, 'orphaned');
    child.stdin.write(`${JSON.stringify({ ...version, examples, decoys, form: 'disk', storeDir })}\n`);
    createInterface({ input: child.stdout }).once('line', () => child.stdin.end());
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(readdirSync(folder).filter((name) => name.includes('orphaned'))).toEqual([]);
  });

  it('leaves nothing behind when its build is killed after 10 gradients, or cannot be put in its place', async () => {
    const stop = new AbortController();
    const storeDir = join(folder, 'stopped');
    let left: readonly string[] = [];
    const build = { ...version, examples, decoys, form: 'disk' as const };
    const killed = buildStoreInChild(
      { ...build, storeDir },
      (done) => {
        if (done !== 10) return;
        left = readdirSync(folder).filter((name) => name.endsWith('.tmp'));
        stop.abort();
      },
      stop.signal,
    );
    await expect(killed).rejects.toMatchObject({ code: 'store_build_cancelled' });
    expect(left).toHaveLength(1);
    const nowhere = join(version.adapter.dir, 'adapter_config.json', 'store');
    await expect(buildGradientStore({ ...build, storeDir: nowhere })).rejects.toMatchObject({
      code: 'store_unwritable',
    });
    expect(readdirSync(folder).filter((name) => /stopped|tmp/.test(name))).toEqual([]);
  });
});
