// Whole training runs on a tiny model: the loss falls, a stopped run resumes to the bit, LoRA leaves the base
// alone and its folder is PEFT. Not covered here: the child process entries (train-child.test.ts).
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { pretrain } from '../../../engine/train/pretrain.ts';
import { pretrainConfigSchema } from '../../../engine/train/pretrain-config.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const collect = () => {
  const events: TrainEvent[] = [];
  const of = <T extends TrainEvent['type']>(type: T) =>
    events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
  return { events, of, emit: (event: TrainEvent) => void events.push(event) };
};

describe('pre-training', () => {
  const config = (out: string) =>
    pretrainConfigSchema.parse({
      data: folder,
      out: join(folder, out),
      ...{ dim: 32, layers: 1, heads: 2, kvHeads: 1, ffn: 48, vocab: 64, seq: 16, batch: 4, gradAccum: 2 },
      ...{ steps: 40, lr: 0.01, warmup: 5, logEvery: 5, evalEvery: 20, evalBatches: 2, checkpointEvery: 20 },
    });

  beforeEach(() => {
    // A counting language: each token is the one before plus 1, 2 or 3 in turn.
    const tokens = Uint16Array.from(
      { length: 4000 },
      (_, i) => (Math.floor(i / 3) * 6 + [0, 1, 3][i % 3]) % 64,
    );
    writeFileSync(join(folder, 'train.u16'), new Uint8Array(tokens.buffer));
    writeFileSync(join(folder, 'valid-counting.u16'), new Uint8Array(tokens.buffer, 0, 1000));
    writeFileSync(join(folder, 'tokenizer.json'), '{}');
  });

  it('lowers the loss from ln 64 and writes a folder that loads', async () => {
    const { of, emit } = collect();
    await pretrain(config('out'), emit);
    const losses = of('progress').map(({ loss }) => loss);
    expect(losses[0]).toBeGreaterThan(3);
    expect(losses.at(-1)).toBeLessThan(1.5);
    expect(of('eval').at(-1)!.losses.counting).toBeLessThan(2);
    const model = loadModelConfig(join(folder, 'out'));
    expect(loadLlamaWeights(join(folder, 'out'), model).size).toBe(11);
    expect(existsSync(join(folder, 'out', 'tokenizer.json'))).toBe(true);
  });

  it('gives the same weights to the bit when stopped after 15 updates and started again', async () => {
    await pretrain(config('straight'), () => {});
    const stop = new AbortController();
    const { of, emit } = collect();
    const stopping = (event: TrainEvent) => {
      emit(event);
      if (event.type === 'progress' && event.step === 15) stop.abort();
    };
    await pretrain(config('broken'), stopping, stop.signal);
    expect(of('stopped')).toEqual([{ type: 'stopped', step: 15 }]);
    await pretrain(config('broken'), emit);
    const bytes = (out: string) => readFileSync(join(folder, out, 'model.safetensors'));
    expect(bytes('broken').equals(bytes('straight'))).toBe(true);
  });

  it('with Muon and a last stage of longer windows: the same to the bit when stopped before, at and in that stage', async () => {
    const reversed = Uint16Array.from({ length: 2000 }, (_, i) => 63 - (i % 64));
    writeFileSync(join(folder, 'train-last.u16'), new Uint8Array(reversed.buffer));
    const staged = (out: string) => ({
      ...config(out),
      ...{ optimiser: 'muon' as const, lastSteps: 20, lastSeq: 32, logEvery: 1 },
    });
    const { of, emit } = collect();
    await pretrain(staged('straight'), emit);
    const progress = of('progress');
    expect(progress[18].learningRate).toBe(0.01);
    expect(progress[20].learningRate).toBeLessThan(0.01);
    // The other mixture begins at update 21: its first loss is far above what was reached on the first.
    expect(progress[20].loss).toBeGreaterThan(progress[19].loss + 0.5);
    expect(progress[39].loss).toBeLessThan(progress[20].loss - 0.5);
    expect(loadModelConfig(join(folder, 'straight')).maxSeq).toBe(32);
    for (const at of [11, 20, 33]) {
      const stop = new AbortController();
      const stopping = (event: TrainEvent) => {
        if (event.type === 'progress' && event.step === at) stop.abort();
      };
      await pretrain(staged('broken'), stopping, stop.signal);
    }
    await pretrain(staged('broken'), () => {});
    const bytes = (out: string) => readFileSync(join(folder, out, 'model.safetensors'));
    expect(bytes('broken').equals(bytes('straight'))).toBe(true);
  });

  it('refuses to resume a checkpoint of another shape, optimiser or seed', async () => {
    await pretrain({ ...config('out'), steps: 1 }, () => {});
    for (const other of [{ optimiser: 'muon' as const }, { seed: 8 }])
      await expect(pretrain({ ...config('out'), ...other }, () => {})).rejects.toThrow(
        /another optimiser or seed/,
      );
    await expect(pretrain({ ...config('out'), ffn: 32 }, () => {})).rejects.toThrow(/this run needs/);
  });
});
