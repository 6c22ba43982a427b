// A base model folder, and an adapter on it, loaded for gradients. Used by the store builder and by attribution.
// It knows files and texts; no scores. The base's weights are shared by all adapters loaded on it.
import type { AdapterRef, ChatMessage } from '../engine.ts';
import { type LoraShape, loraTensorShapes } from '../graph/llama-train-graph.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadLlamaWeights } from '../model/llama-weights.ts';
import { loadLoraAdapter } from '../model/lora-adapter.ts';
import { type LlamaConfig, loadModelConfig } from '../model/model-config.ts';
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { tokeniseExample } from '../train/sft-data.ts';
import { hashModelFolder } from './content-hash.ts';
import type { GradientModelOptions, TokenisedExample } from './gradient-model.ts';

export interface BaseModel {
  readonly sha256: string;
  readonly config: LlamaConfig;
  readonly weights: TensorMap;
  /** Prompt and answer as training writes them; undefined for an empty answer. Long ones are cut as in training. */
  tokenise(messages: readonly ChatMessage[], answer: string): TokenisedExample | undefined;
}

export interface AdaptedModel {
  readonly sha256: string;
  readonly base: BaseModel;
  readonly gradientModel: Omit<GradientModelOptions, 'strength' | 'threads'>;
}

/** Attention in the training graph is quadratic in this; a contribution or an answer is far shorter. */
const tokensMax = 512;

/** @throws EngineError of reading config, weights, tokenizer or template */
export function loadBaseModel(modelDir: string): BaseModel {
  const config = loadModelConfig(modelDir);
  const tokenizer = loadTokenizer(modelDir);
  const template = loadChatTemplate(modelDir, tokenizer);
  const encoder = {
    encode: tokenizer.encode,
    render: (messages: readonly ChatMessage[], openAnswer: boolean) =>
      template.render(messages, { addGenerationPrompt: openAnswer }),
  };
  return {
    sha256: hashModelFolder(modelDir),
    config,
    weights: loadLlamaWeights(modelDir, config),
    tokenise: (messages, answer) => {
      if (answer.trim() === '') return undefined;
      const conversation = [...messages, { role: 'assistant', content: answer } as const];
      return tokeniseExample(encoder, { id: '', messages: conversation }, Math.min(config.maxSeq, tokensMax));
    },
  };
}

/** @throws EngineError of reading the adapter, or when it does not fit the base */
export function loadAdaptedModel(base: BaseModel, adapter: AdapterRef): AdaptedModel {
  const { rank, targets, scale, weights } = loadLoraAdapter(adapter.dir, base.config);
  const lora = { rank, targets };
  return {
    sha256: hashModelFolder(adapter.dir),
    base,
    gradientModel: {
      config: base.config,
      weights: new Map([...base.weights, ...withUntouchedLayers(base.config, lora, weights)]),
      lora,
      loraScale: scale,
    },
  };
}

/** An adapter may leave layers alone; the graph has the same targets in all layers, so those get zeros. */
function withUntouchedLayers(config: LlamaConfig, lora: LoraShape, weights: TensorMap): TensorMap {
  return new Map(
    [...loraTensorShapes(config, lora)].map(([name, shape]): [string, NamedTensor] => [
      name,
      weights.get(name) ?? { shape, data: new Float32Array(shape[0] * shape[1]) },
    ]),
  );
}
