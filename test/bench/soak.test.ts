// The soak in small: 20 seconds at full load on a tiny model, the worker killed once. Everything but the memory's slope
// is asserted; `npm run soak` runs half an hour and judges memory too.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { tinyFolderConfig, writeTinyFolders } from '../engine/serve/tiny-model-folder.ts';
import { soak } from './soak.ts';
import { writeSoakAdapters } from './soak-adapters.ts';

describe('the engine at full load', () => {
  it('answers or refuses every request for 20 seconds, survives a death of its worker, and keeps no row', async () => {
    const folders = writeTinyFolders();
    const engine = await createLocalEngine({
      baseDir: folders.model,
      device: 'cpu',
      threads: 1,
      adapterBytesMax: 400_000, // a tenth of what is known
      prefixBytesMax: 4_000_000,
    });
    try {
      const adapters = writeSoakAdapters(join(folders.root, 'soak'), tinyFolderConfig, 100);
      const report = await soak({ engine, adapters, seconds: 20, seed: 1, crashEverySeconds: 13 });
      expect(report.wrongs).toEqual([]);
      expect(report.requests).toBeGreaterThan(500);
      const met = Object.keys(report.endings);
      for (const ending of [
        'done length',
        'done cancelled',
        'left',
        'engine_busy',
        'worker_died',
        'prompt_empty',
      ])
        expect(met).toContain(ending);
      expect(
        met.filter((ending) => /^(adapter_|safetensors_|file_|json_)/.test(ending)).length,
      ).toBeGreaterThan(3);
    } finally {
      await engine.close();
      rmSync(folders.root, { recursive: true });
    }
  }, 120_000);
});
