// A store of landmarks, read from disk row by row, against the store in memory, on a tiny model. Covered: landmarks that are all
// examples give the exact form, half of them still find everyone, same bytes twice, refused rows, nothing left after a fault.
// Not covered: its size at a hundred thousand contributions (the bench measures the scan there).
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAdaptedModel, loadBaseModel } from '../../../engine/attribution/adapted-model.ts';
import { type Attributor, createAttributor } from '../../../engine/attribution/attribute.ts';
import { defaultSettings } from '../../../engine/attribution/attribution-settings.ts';
import { buildLargeStore, largeStoreSizes } from '../../../engine/attribution/build-large-store.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { readStoreMeta } from '../../../engine/attribution/gradient-store.ts';
import { decoys, examples, makeTinyVersion, type TinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'large-store-'));
const [exact, large] = [join(folder, 'exact'), join(folder, 'large')];
const onePoint = { pathStates: 0, pathWeight: 0, coordinateDamping: 0 };
let version: TinyVersion;
let attributor: Attributor;
let hash = '';
const progress: (readonly [number, number])[] = [];

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  const build = { ...version, examples, decoys, settings: onePoint };
  await buildGradientStore({ ...build, storeDir: exact });
  hash = await buildGradientStore({ ...build, storeDir: large, form: 'landmarks' }, (done, total) =>
    progress.push([done, total]),
  );
  attributor = createAttributor({ modelDir: version.modelDir, threads: 1, storeBytesMax: 2 ** 30 });
});
afterAll(async () => {
  await attributor.release();
  rmSync(folder, { recursive: true, force: true });
});

const asked = (storeDir: string, at: number) => ({
  ...{ adapter: version.adapter, storeDir, answer: examples[at].answer },
  messages: [{ role: 'user', content: examples[at].question }] as const,
});

describe('a store of landmarks', () => {
  it('scores as the store in memory where every example is a landmark, within 0.005', async () => {
    for (const at of [0, 7, 23]) {
      const memory = await attributor.explain(asked(exact, at));
      const disk = await attributor.explain(asked(large, at));
      expect(memory?.scores.trained[at]).toBeGreaterThan(0.05);
      for (const kind of ['trained', 'decoys'] as const)
        for (const [i, score] of memory?.scores[kind].entries() ?? [])
          expect(Math.abs((disk?.scores[kind][i] ?? 2) - score)).toBeLessThan(0.005);
      const { shares, alpha, methodId } = await attributor.attribute(asked(large, at));
      expect(methodId).toMatch(/\+landmarks$/);
      expect(shares[0].exampleId).toBe(examples[at].id);
      expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(alpha, 9);
    }
  });

  it('is the same store when it is built again, and counts 24 landmarks and 36 rows', async () => {
    const again = { ...version, examples, decoys, settings: onePoint, storeDir: join(folder, 'again') };
    expect(await buildGradientStore({ ...again, form: 'landmarks' })).toBe(hash);
    expect(progress[0]).toEqual([1, 60]);
    expect(progress.at(-1)).toEqual([60, 60]);
  });

  it('finds the contribution of 24 of 24 answers with every second example as a landmark', async () => {
    const base = loadBaseModel(version.modelDir);
    const adapted = loadAdaptedModel(base, version.adapter);
    const storeDir = join(folder, 'half');
    const tokenised = [...examples, ...decoys].map(({ question, answer }) => {
      const ids = base.tokenise([{ role: 'user', content: question }], answer);
      if (ids === undefined) throw new Error('an empty answer');
      return ids;
    });
    const nameOnly = ({ id }: { readonly id: string }) => ({ id, sha256: '0'.repeat(64) });
    const meta = { base: base.sha256, adapter: adapted.sha256, seed: 0 };
    await buildLargeStore(
      {
        ...{ storeDir, adapted, tokenised, settings: defaultSettings, threads: 1, landmarksMax: 12 },
        meta: { ...meta, examples: examples.map(nameOnly), decoys: decoys.map(nameOnly) },
        copies: () => [],
      },
      () => undefined,
    );
    for (const [at, { id }] of examples.entries())
      expect((await attributor.attribute(asked(storeDir, at))).shares[0]?.exampleId).toBe(id);
  });

  it('joins one answer given to two questions as the store in memory does, by sketches of the gradients', async () => {
    const answer = 'It is red, blue, green, white and black.';
    const twice = [
      { id: 'boat', question: 'Which colours has the boat?', answer },
      { id: 'lamp', question: 'What can the lamp show?', answer },
    ];
    const build = { ...version, examples: [...examples, ...twice], decoys, settings: onePoint };
    const [memory, disk] = [join(folder, 'memory twice'), join(folder, 'disk twice')];
    await buildGradientStore({ ...build, storeDir: memory });
    await buildGradientStore({ ...build, storeDir: disk, form: 'landmarks' });
    const joined = [{ id: 'lamp', of: 'boat', rule: 'gradient' }];
    expect([memory, disk].map((dir) => readStoreMeta(dir).meta.copies)).toEqual([joined, joined]);
  });

  it('holds 2,048 landmarks of the shipped base, and fewer of larger gradients: 2 GiB', () => {
    expect(largeStoreSizes(448_512)).toEqual({ landmarks: 2048, batch: 64 });
    const { landmarks, batch } = largeStoreSizes(12_615_680); // a model of 1.1 billion weights
    expect(landmarks * 12_615_680).toBeLessThanOrEqual(2 ** 31);
    expect([landmarks, batch]).toEqual([170, 5]);
  });

  it('refuses a row that was changed, when it is read', async () => {
    const changed = join(folder, 'changed');
    await buildGradientStore({
      ...{ ...version, examples, decoys, settings: onePoint },
      ...{ storeDir: changed, form: 'landmarks' },
    });
    const file = openSync(join(changed, 'features.bin'), 'r+');
    writeSync(file, Uint8Array.of(99), 0, 1, 5);
    closeSync(file);
    await expect(attributor.attribute(asked(changed, 0))).rejects.toMatchObject({
      code: 'store_tampered',
      retry: 'never',
    });
  });

  it('leaves nothing behind where it cannot be put in its place', async () => {
    const nowhere = join(folder, 'adapter', 'adapter_config.json', 'store');
    const build = { ...version, examples, decoys, settings: onePoint, form: 'landmarks' } as const;
    await expect(buildGradientStore({ ...build, storeDir: nowhere })).rejects.toMatchObject({
      code: 'store_unwritable',
    });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
