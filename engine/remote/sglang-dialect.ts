// SGLang's OpenAI-compatible server: the adapter is the body's `lora_path` (its name), loaded at run time by name and
// folder; its own endpoints have no /v1. Used by remote-backend.ts. docs.sglang.io/docs/advanced_features/lora
import type { DialectOptions, RemoteDialect } from './remote-dialect.ts';
import { loraServerDialect } from './vllm-dialect.ts';

export const sglangDialect = (options: DialectOptions): RemoteDialect =>
  loraServerDialect(options, '/load_lora_adapter', (baseId, adapterId) => ({
    model: baseId,
    lora_path: adapterId,
  }));
