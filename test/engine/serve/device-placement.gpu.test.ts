// Where the nodes of the serving graph run on a GPU, as the runtime's own profile tells: a node that falls back to the
// CPU costs a copy there and back at every step, and nothing else would show it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildLlamaServeGraph, loraGroups } from '../../../engine/graph/llama-serve-graph.ts';
import { weightOf } from '../../../engine/model/llama-weights.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { useSoftwareVulkan } from './software-vulkan.ts';
import { randomWeights, tinyConfig } from './tiny-llama.ts';

const usable = await useSoftwareVulkan();

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string };
}

describe.skipIf(!usable)('placement on webgpu', () => {
  const folder = temporaryFolder();

  it.each(['f32', 'int8', 'int4'] as const)(
    'in %s every node is on the GPU but the narrowing of the 64 likeliest ids',
    { timeout: 300_000 },
    async (weights) => {
      const config = { ...tinyConfig, dim: 64, ffn: 96, tied: false, qkvBias: true };
      const random = randomWeights(config);
      const graph = buildLlamaServeGraph({
        config,
        contextTokens: 64,
        read: (name) => weightOf(random, name).data,
        weights,
        kvForm: 'in_place',
        groups: new Set(loraGroups.map(({ name }) => name)),
      });
      const session = await InferenceSession.create(graph.onnx, {
        executionProviders: ['webgpu'],
        externalData: graph.externalData,
        logSeverityLevel: 3,
        enableProfiling: true,
        profileFilePrefix: join(folder, weights),
      });
      const wanted = session.outputNames.filter((name) => name !== 'poison');
      await session.run(feedsOf(session), wanted);
      session.endProfiling();
      await session.release();

      const file = readdirSync(folder).find((name) => name.startsWith(`${weights}_`));
      const events = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as readonly ProfileEvent[];
      const nodes = events.flatMap(({ cat, args }) => (cat === 'Node' && args?.provider ? [args] : []));
      const on = (provider: string): readonly string[] =>
        nodes.filter((node) => node.provider === provider).map((node) => node.op_name!);
      expect(on('WebGpuExecutionProvider')).toContain('GroupQueryAttention');
      expect(on('WebGpuExecutionProvider')).toContain('TopK');
      expect(on('WebGpuExecutionProvider')).toContain(weights === 'f32' ? 'MatMul' : 'MatMulNBits');
      // The sequence is made of one number that lives on the CPU, and asked for by nobody here.
      expect(on('CPUExecutionProvider')).toEqual(['Cast', 'SequenceConstruct']);
      expect(nodes.filter((node) => node.op_name!.startsWith('Memcpy')).length).toBe(1);
    },
  );
});

/** One token into each of two empty rows; whatever is symbolic and no row is 4 (the rank, and three times it). */
function feedsOf(session: InferenceSession): Record<string, Tensor> {
  const sizes: Readonly<Record<string, number>> = { batch: 2, seq: 1, n: 2, ranks_qkv: 12, ranks_gate_up: 8 };
  const feeds: Record<string, Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
    const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : (sizes[dim] ?? 4)));
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (input.type === 'int64') feeds[input.name] = new Tensor('int64', new BigInt64Array(size), dims);
    else if (input.type === 'int32') feeds[input.name] = new Tensor('int32', new Int32Array(size), dims);
    else feeds[input.name] = new Tensor('float32', new Float32Array(size).fill(1), dims);
  }
  feeds.total_length = new Tensor('int32', Int32Array.of(1), [1]);
  return feeds;
}
