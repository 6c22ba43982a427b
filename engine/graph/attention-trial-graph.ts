// One attention step over a cache and nothing else: what a GPU's attention kernels are tried with when a session starts.
// Used by engine/serve/device-self-test.ts. It knows no weights and no devices.
import type { LlamaConfig } from '../model/model-config.ts';
import { cachedAttention, rotaryConstants } from './cached-attention.ts';
import { buildOnnx, createGraph, graphInput, graphOutput } from './graph-builder.ts';
import { rotaryTables } from './ops-rotary.ts';

/**
 * Inputs: qkv f32 [batch, seq, (heads + 2 kvHeads) * headDim]; past_k, past_v f32 [batch, kvHeads, tokens, headDim];
 * positions i64 [batch, seq]; last_index i32 [batch]; total_length i32 [1]. Outputs: present_k, present_v, the past with
 * the new tokens; mixed f32 [batch, seq, heads * headDim].
 */
export function buildAttentionTrialGraph(config: LlamaConfig, tokens: number): Uint8Array {
  const { heads, kvHeads, headDim } = config;
  const g = createGraph('attention_trial');
  const past = ['batch', kvHeads, tokens, headDim];
  const inputs = {
    qkv: graphInput(g, 'qkv', 'f32', ['batch', 'seq', (heads + 2 * kvHeads) * headDim]),
    pastK: graphInput(g, 'past_k', 'f32', past),
    pastV: graphInput(g, 'past_v', 'f32', past),
    positions: graphInput(g, 'positions', 'i64', ['batch', 'seq']),
    lastIndex: graphInput(g, 'last_index', 'i32', ['batch']),
    totalLength: graphInput(g, 'total_length', 'i32', [1]),
    ...rotaryConstants(g, rotaryTables(tokens, config)),
  };
  const names = { k: 'present_k', v: 'present_v' };
  const { mixed, outputK, outputV } = cachedAttention(g, inputs, config, 'in_place', names);
  graphOutput(g, 'mixed', mixed);
  graphOutput(g, outputK.name, outputK);
  graphOutput(g, outputV.name, outputV);
  return buildOnnx(g);
}
