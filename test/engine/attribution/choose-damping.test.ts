// The damping that a version's store gets: the rule that chooses among measured agreements, what agreement is, and a real
// choice on a tiny model by three retrainings.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { agreementOf, bestDamping, type HalfRun } from '../../../engine/attribution/choose-damping.ts';
import { decoys, examples, makeTinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'damping-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the damping', () => {
  it('stays 0.1 where another agrees better by 0.01 or less, and changes where it is more', () => {
    const tried = (other: number) => [
      { damping: 0.03, agreement: 0.2 },
      { damping: 0.1, agreement: 0.5 },
      { damping: 1, agreement: other },
    ];
    expect(bestDamping(tried(0.51), 0.1)).toBe(0.1);
    expect(bestDamping(tried(0.512), 0.1)).toBe(1);
    expect(bestDamping(tried(0.4), 0.1)).toBe(0.1);
  });

  it('agrees by 1 with losses that fall with what is like the answer, by -1 with those that rise', () => {
    // Examples 0 and 1 are alike, 2 stands alone.
    const gram = { trained: 3, decoys: 0, values: Float64Array.of(1, 0.8, 0, 0.8, 1, 0, 0, 0, 1) };
    const run = (weights: readonly number[], loss: number): HalfRun => ({
      weights: Float64Array.from(weights),
      losses: Float64Array.of(loss),
    });
    const runs = (sign: number) => [
      run([1, 0, 1], 1),
      run([0, 1, 1], 1 + sign),
      run([0, 0, 1], 1 + 2 * sign),
    ];
    expect(agreementOf(gram, 1, [0], runs(1))).toBeGreaterThan(0.95);
    expect(agreementOf(gram, 1, [0], runs(-1))).toBeLessThan(-0.95);
    expect(agreementOf(gram, 1, [2], [run([1, 1, 1], 1), run([1, 1, 1], 2)])).toBe(0);
  });

  it('of a tiny version is chosen by 3 retrainings, the same twice, and the store tells what was tried', async () => {
    const version = await makeTinyVersion(folder);
    const build = { ...version, examples, decoys, dampingRetrainings: 3 };
    const hash = await buildGradientStore({ ...build, storeDir: join(folder, 'one') });
    const meta = JSON.parse(readFileSync(join(folder, 'one', 'meta.json'), 'utf8'));
    const tried: readonly { damping: number; agreement: number }[] = meta.dampingTried;
    expect(tried.map(({ damping }) => damping)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2]);
    for (const { agreement } of tried) {
      expect(agreement).toBeGreaterThan(0.3);
      expect(agreement).toBeLessThanOrEqual(1);
    }
    expect(meta.damping).toBe(bestDamping(tried, 0.2));
    expect(await buildGradientStore({ ...build, storeDir: join(folder, 'two') })).toBe(hash);
    // It is chosen for the gradients it is used on: with another diagonal curvature under it, other agreements.
    await buildGradientStore({
      ...build,
      storeDir: join(folder, 'plain'),
      settings: { coordinateDamping: 0 },
    });
    const plain = JSON.parse(readFileSync(join(folder, 'plain', 'meta.json'), 'utf8'));
    expect(plain.dampingTried).not.toEqual(meta.dampingTried);
  });
});
