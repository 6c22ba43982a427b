// Versions ready for attribution: what is held, what is let go, and rows that must not take others' places. Not covered here:
// quality of scores (attribute.test.ts), stores on disk (build-large-store.test.ts).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAttributor } from '../../../engine/attribution/attribute.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { emptyRows, type FeatureRows } from '../../../engine/attribution/feature-rows.ts';
import { openGradientStore, writeGradientStore } from '../../../engine/attribution/gradient-store.ts';
import { createLoadedVersions } from '../../../engine/attribution/loaded-versions.ts';
import { decoys, examples, makeTinyVersion, type TinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'loaded-'));
const storeDir = join(folder, 'store');
let version: TinyVersion;

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  await buildGradientStore({ ...version, storeDir, examples, decoys });
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('loaded versions', () => {
  it('begin no session for a damaged store, however often it is asked for', async () => {
    const damaged = join(folder, 'damaged');
    await buildGradientStore({ ...version, storeDir: damaged, examples, decoys });
    const path = join(damaged, 'features.bin');
    const bytes = readFileSync(path);
    bytes[5] ^= 1;
    writeFileSync(path, bytes);
    const begun = vi.spyOn(InferenceSession, 'create');
    const versions = createLoadedVersions({ modelDir: version.modelDir, threads: 1, storeBytesMax: 2 ** 30 });
    for (let time = 0; time < 2; time++)
      await expect(versions.version(version.adapter, damaged)).rejects.toMatchObject({
        code: 'store_tampered',
      });
    expect(begun).not.toHaveBeenCalled();
    await versions.release();
  });

  it('pay the first of 80 wordings by its first four, though 76 later ones score twice as much', async () => {
    const crowded = join(folder, 'crowded');
    const first = 7;
    const { meta, rows } = openGradientStore(storeDir);
    const later = Array.from({ length: 79 }, (_, i) => ({
      id: `wording-${i}`,
      sha256: meta.examples[first].sha256,
    }));
    const all = [...meta.examples, ...later];
    writeGradientStore(
      crowded,
      {
        ...meta,
        examples: all,
        copies: later.map(({ id }) => ({ id, of: examples[first].id, rule: 'words' as const })),
      },
      rowsFrom(rows, [
        ...examples.map((_, row) => ({ row, part: row === first ? 0.5 : 1 })),
        ...later.map((_, i) => ({ row: first, part: i < 3 ? 0.5 : 1 })),
        ...decoys.map((_, i) => ({ row: examples.length + i, part: 1 })),
      ]),
    );
    const attributor = createAttributor({ modelDir: version.modelDir, threads: 1, storeBytesMax: 2 ** 30 });
    const { question, answer } = examples[first];
    const asked = {
      adapter: version.adapter,
      messages: [{ role: 'user', content: question }] as const,
      answer,
    };
    const alone = await attributor.attribute({ ...asked, storeDir });
    const among = await attributor.attribute({ ...asked, storeDir: crowded });
    expect(among.shares[0]?.exampleId).toBe(examples[first].id);
    expect(among.shares[0].score).toBeCloseTo(alone.shares[0].score / 2, 2);
    await attributor.release();
  });
});

/** Rows of a store, each times a part. */
function rowsFrom(
  { values, scales, width, blocks }: FeatureRows,
  wanted: readonly { readonly row: number; readonly part: number }[],
): FeatureRows {
  const made = emptyRows(wanted.length, width);
  wanted.forEach(({ row, part }, at) => {
    made.values.set(values.subarray(row * width, (row + 1) * width), at * width);
    for (let block = 0; block < blocks; block++)
      made.scales[at * blocks + block] = part * scales[row * blocks + block];
  });
  return made;
}
