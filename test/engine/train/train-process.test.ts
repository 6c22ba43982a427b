// The child process frame: events arrive, faults carry their code, an abort ends with a checkpoint.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { runTrainProcess } from '../../../engine/train/train-process.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-process-'));
  const tokens = Uint16Array.from({ length: 3000 }, (_, i) => (i * 7) % 32);
  writeFileSync(join(folder, 'train.u16'), new Uint8Array(tokens.buffer));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = (steps: number) => ({
  ...{ data: folder, out: join(folder, 'out'), steps, lr: 0.01, warmup: 2, logEvery: 1, vocab: 32 },
  ...{ dim: 16, layers: 1, heads: 1, kvHeads: 1, ffn: 16, seq: 8, batch: 2 },
});

describe('a training process', () => {
  it('reports 4 updates and the finished folder', async () => {
    const events: TrainEvent[] = [];
    const last = await runTrainProcess('pretrain', config(4), (event) => events.push(event));
    expect(events.filter(({ type }) => type === 'progress')).toHaveLength(4);
    expect(last).toMatchObject({ type: 'done', step: 4, folder: join(folder, 'out') });
  });

  it('stops with a checkpoint when aborted', async () => {
    const stop = new AbortController();
    const last = await runTrainProcess('pretrain', config(1e6), () => stop.abort(), stop.signal);
    expect(last.type).toBe('stopped');
    expect(existsSync(join(folder, 'out', 'checkpoint.safetensors'))).toBe(true);
  });

  it('hands on the code of a fault: a checkpoint of another shape', async () => {
    await runTrainProcess('pretrain', config(1), () => {});
    const other = runTrainProcess('pretrain', { ...config(1), ffn: 8 }, () => {});
    await expect(other).rejects.toMatchObject({ code: 'checkpoint_mismatch', retry: 'never' });
  });
});
