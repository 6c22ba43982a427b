// `npm run bench -- device webgpu`: a GPU session beside the CPU's on the same weights, in one run: decoding by 1, 4 and 16
// rows, with 16 different adapters, reading a prompt, and what changing rows costs. For machines with a GPU; on a software
// driver it only shows that the way is whole. No goals: there was no GPU where they could have been set.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { weightOf } from '../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { BatchSession } from '../../engine/serve/batch-session.ts';
import { chooseDevice } from '../../engine/serve/choose-device.ts';
import { createDeviceSession } from '../../engine/serve/device-session.ts';
import { packAdapter } from '../../engine/serve/pack-adapter.ts';
import { createBatchSession } from '../../engine/serve/serve-session.ts';
import { writeRandomAdapter } from '../support/random-adapter.ts';
import { digits } from './bench-figure.ts';
import { benchWeights } from './bench-model.ts';
import { interleaved, median, rounded, type Side } from './interleaved.ts';
import { decodeSide, fillRows, pastTokens, prefillSide } from './own-sides.ts';
import { shapes } from './serve-bench-context.ts';

const rowsMax = 16;
const tiny = { ...shapes['15M'], dim: 64, layers: 2, heads: 4, kvHeads: 2, headDim: 16, ffn: 96, vocab: 512 };
const known: Readonly<Record<string, LlamaConfig>> = { ...shapes, tiny };
const help = `npm run bench -- device DEVICE [options]
  DEVICE         webgpu or cuda
  --shape S      135M (default), 15M, or tiny (for software drivers)
  --quick        two rounds instead of nine`;

/** @returns the exit code */
export async function deviceBench(args: readonly string[]): Promise<number> {
  const [device] = args;
  if (device !== 'webgpu' && device !== 'cuda') {
    console.log(help);
    return 2;
  }
  const shape = args[args.indexOf('--shape') + 1 || args.length] ?? '135M';
  const config = known[shape];
  if (config === undefined) throw new Error(`--shape ${shape}: ${Object.keys(known).join(', ')} are known`);
  const rounds = args.includes('--quick') ? 2 : 9;
  const { reason } = await chooseDevice(device);
  console.log(`${reason}\nshape ${shape}, int8, ${rowsMax} rows of 512 tokens`);
  const weights = benchWeights(config);
  const folder = mkdtempSync(join(tmpdir(), 'device-bench-'));
  const options = {
    config,
    contextTokens: 512,
    rowsMax,
    weights: 'int8' as const,
    read: (name: string) => weightOf(weights, name).data,
  };
  const sessions: readonly (readonly [string, BatchSession])[] = [
    ['cpu', await createBatchSession({ ...options, threads: 0 })], // as many threads as the runtime likes
    [
      device,
      device === 'cuda'
        ? await createBatchSession({ ...options, provider: device })
        : await createDeviceSession({ ...options, device }),
    ],
  ];
  try {
    const adapters = Array.from({ length: rowsMax }, (_, index) => {
      writeRandomAdapter(folder, config, { seed: index + 1 });
      return packAdapter(`${index}`, config, loadLoraAdapter(folder, config));
    });
    const compare = (name: string, unit: string, sideOf: (session: BatchSession) => Side) =>
      show(name, unit, sessions, sideOf, rounds);
    for (const [, session] of sessions) await fillRows(session, rowsMax);
    for (const rows of [1, 4, 16]) {
      await compare(`decode, ${rows} rows`, 'tokens/s', (session) => decodeSide('', session, rows));
    }
    await compare(`prefill of ${pastTokens}`, 'tokens/s', (session) => prefillSide('', session));
    for (const [, session] of sessions) {
      for (const [row, adapter] of adapters.entries()) await session.setAdapter(row, adapter);
    }
    await compare('decode, 16 rows, 16 adapters', 'tokens/s', (session) => decodeSide('', session, 16));
    await compare('adapter into a row', '/s', (session) => ({
      name: '',
      block: async () => {
        for (const [row] of adapters.entries()) {
          await session.setAdapter(row, adapters[(row + 1) % rowsMax]);
          await session.setAdapter(row, adapters[row]);
        }
        return 2 * rowsMax;
      },
    }));
    await compare(`row of ${pastTokens} tokens moved`, '/s', (session) => ({
      name: '',
      block: async () => {
        for (let row = 1; row < rowsMax; row++) await session.moveRow(row, row - 1, pastTokens);
        return rowsMax - 1;
      },
    }));
    return 0;
  } finally {
    for (const [, session] of sessions) await session.release();
    rmSync(folder, { recursive: true });
  }
}

async function show(
  name: string,
  unit: string,
  sessions: readonly (readonly [string, BatchSession])[],
  sideOf: (session: BatchSession) => Side,
  rounds: number,
): Promise<void> {
  const sides = sessions.map(([device, session]) => ({ ...sideOf(session), name: device }));
  const [cpu, gpu] = await interleaved(sides, rounds);
  const [slow, fast] = [median(cpu.perSecond), median(gpu.perSecond)];
  const figures = `cpu ${digits(slow)}  ${gpu.name} ${digits(fast)} ${unit}  ratio ${digits(fast / slow)}`;
  console.log(`${name.padEnd(30)} ${figures}`);
  console.log(JSON.stringify({ name, unit, cpu: rounded(slow), [gpu.name]: rounded(fast) }));
}
