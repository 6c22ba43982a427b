// Rows that are made on disk against the same rows made in memory: 150 rows of 20,000 values, so that blocks of rows and of
// columns end in the middle. Covered: bytes, scores with every row read and by the shortlist, sketches, nothing left behind.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureRows } from '../../../engine/attribution/feature-rows.ts';
import { readStoreMeta } from '../../../engine/attribution/gradient-store.ts';
import { gramMatrix } from '../../../engine/attribution/gram-matrix.ts';
import { influenceRows } from '../../../engine/attribution/influence-rows.ts';
import {
  diskStorage,
  memoryStorage,
  type RowStorage,
  rowsInMemory,
} from '../../../engine/attribution/row-storage.ts';
import { createRowTable } from '../../../engine/attribution/row-table.ts';
import { openRowFiles } from '../../../engine/attribution/scan/row-files.ts';
import { createRowScan, type RowScan, scanOfRows } from '../../../engine/attribution/scan/row-scan.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'row-storage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [count, trained, width] = [150, 140, 20_000];
const hex = '0'.repeat(64);
const name = (_: unknown, at: number) => ({ id: `row ${at}`, sha256: hex });
const meta = {
  ...{ base: hex, adapter: hex, methodId: 'fisher/2', width, strength: 0.5, copies: [] },
  points: [{ adapter: hex, strength: 0.5, weight: 1 }],
  examples: Array.from({ length: trained }, name),
  decoys: Array.from({ length: count - trained }, name),
  ...{ damping: 0.2, dampingTried: [], floorQuantile: 0.99, curvature: hex, seed: 0 },
};

/** Two points' gradients, whose blocks of 256 values differ by orders of magnitude. */
async function fill(storage: Omit<RowStorage, 'place' | 'abandon'>): Promise<void> {
  const noise = seededNoise(5);
  const points = [];
  for (const weight of [0.75, 0.25]) {
    const { rows, set } = storage.gradients();
    for (let at = 0; at < count; at++)
      set(
        at,
        Float32Array.from({ length: width }, (_, i) => noise() * 10 ** -((i >> 8) % 5)),
      );
    const values = await gramMatrix(rows);
    const powers = Float64Array.from({ length: count }, (_, i) => values[i * count + i]);
    points.push({ rows, trained, powers, weight });
  }
  await influenceRows(points, { damping: 0.2, coordinateDamping: 0.3 }, storage);
}

const at = join(folder, 'disk');
let memory: FeatureRows;
beforeAll(async () => {
  const kept = rowsInMemory(count, width);
  await fill(kept);
  memory = kept.finished();
  const disk = diskStorage(at, count, width);
  await fill(disk);
  disk.place(meta);
});

describe('rows made on disk', () => {
  it('are those made in memory, byte for byte, and lie in the store alone', () => {
    const bytesOf = ({ buffer }: Int8Array | Float32Array) => Buffer.from(buffer);
    expect(memory.values.some((value) => value !== 0)).toBe(true);
    expect(readFileSync(join(at, 'features.bin')).equals(bytesOf(memory.values))).toBe(true);
    expect(readFileSync(join(at, 'scales.bin')).equals(bytesOf(memory.scales))).toBe(true);
    expect(readdirSync(at).sort()).toEqual([
      ...['features.bin', 'meta.json', 'row-hashes.bin', 'scales.bin', 'sketch-scales.bin', 'sketches.bin'],
    ]);
    expect(readdirSync(folder)).toEqual(['disk']);
  });

  it('score an answer as those in memory do, all rows read and by the shortlist', () => {
    const { files } = readStoreMeta(at).meta;
    const { source, sketches, close } = openRowFiles(at, count, width, {
      ...files,
      'row-hashes.bin': files['row-hashes.bin'] ?? '',
      'sketches.bin': files['sketches.bin'] ?? '',
      'sketch-scales.bin': files['sketch-scales.bin'] ?? '',
    });
    const scans: readonly RowScan[] = [
      scanOfRows(memory, trained),
      createRowScan({ source, trained, resident: false, sketches }),
    ];
    const noise = seededNoise(6);
    for (let query = 0; query < 3; query++) {
      const gradient = Float32Array.from({ length: width }, noise);
      const [resident, read] = scans.map((scan) => scan.exact(gradient));
      expect(read).toEqual(resident);
      const [chosen, chosenRead] = scans.map((scan) => scan.shortlist(gradient, 0.99));
      expect(chosen.rowsRead).toBe(42); // 32 examples, 10 decoys
      expect(chosenRead).toEqual(chosen);
    }
    close();
  });

  it('disappear with all that was made beside them when the build fails, and a fault of the disk is named', async () => {
    const failed = diskStorage(join(folder, 'failed'), count, width);
    await fill(failed);
    expect(readdirSync(folder)).toHaveLength(2);
    const bug = new Error('no gradient');
    expect(failed.abandon(bug)).toBe(bug);
    expect(readdirSync(folder)).toEqual(['disk']);
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { syscall: 'write' });
    expect(failed.abandon(full)).toMatchObject({ code: 'store_unwritable', retry: 'safe' });
    expect(memoryStorage(folder, count, width).abandon(bug)).toBe(bug);
  });
});

describe('a table of rows', () => {
  it('gives back columns of what was written by rows, zeros where nothing was', () => {
    const table = createRowTable(join(folder, 'table'), 3, 9000);
    table.set(1, new Float32Array(9000).fill(2));
    const last = table.columns(8192);
    expect([last.count, last.width, last.blocks]).toEqual([3, 808, 4]);
    expect([...last.scales].map((scale) => scale > 0)).toEqual([
      ...[false, false, false, false],
      ...[true, true, true, true],
      ...[false, false, false, false],
    ]);
    expect(last.values.filter((value) => value === 127)).toHaveLength(808);
    expect(() => createRowTable(join(folder, 'table'), 3, 9000)).toThrow('EEXIST');
    table.close();
    rmSync(join(folder, 'table'), { recursive: true });
    expect(existsSync(join(folder, 'table'))).toBe(false);
  });
});
