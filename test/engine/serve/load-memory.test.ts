// What loading a model takes in memory, measured in a process of its own: under twice the size of its file.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { writeRandomModel } from '../../support/random-model.ts';
import { testFolder } from '../model/test-folder.ts';
import { tinyConfig } from './tiny-llama.ts';

/** 96 million parameters: large enough for a process's own memory not to matter. */
const config: LlamaConfig = {
  ...tinyConfig,
  ...{ dim: 576, layers: 24, heads: 9, kvHeads: 3, headDim: 64, ffn: 1536, vocab: 16384 },
};

describe('loading a model of 96 million parameters stored in bfloat16', () => {
  it.each(['int8', 'int4'])('as %s takes under twice the file in memory and tells its progress', (format) => {
    const folder = testFolder();
    writeRandomModel(folder, config);
    const fileBytes = statSync(join(folder, 'model.safetensors')).size;
    const main = join(import.meta.dirname, 'load-memory-main.ts');
    const printed = execFileSync(process.execPath, [main, folder, format], { encoding: 'utf8' });
    const { peakBytes, grows, last } = JSON.parse(printed);
    expect({ grows, last }).toEqual({ grows: true, last: 1 });
    expect(peakBytes / fileBytes).toBeGreaterThan(0.5);
    expect(peakBytes / fileBytes).toBeLessThan(2);
  });
});
