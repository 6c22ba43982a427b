// The tokens that end an answer of a model. Used by local-engine.ts and the command line.
import type { LlamaConfig } from '../model/model-config.ts';
import { type ModelTokenizer, tokenText } from '../model/tokenizer.ts';

/** End-of-turn and end-of-text tokens: of our own base, ChatML (Qwen2, SmolLM2), Llama 3. Llama 2 and Mistral use eos. */
const endOfTurn = [
  '<|end|>',
  '<|im_end|>',
  '<|endoftext|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end_of_text|>',
] as const;

/** The config's end ids, the tokenizer's end token, and end-of-turn tokens that the vocabulary has. */
export function stopIdsOf(config: LlamaConfig, tokenizer: ModelTokenizer): readonly number[] {
  const eos = tokenText(tokenizer.config.eos_token);
  const named = [eos, ...endOfTurn].flatMap((token) => (token === undefined ? [] : [tokenizer.idOf(token)]));
  const ids = [...config.eosIds, ...named.filter((id) => id !== undefined)];
  return [...new Set(ids)].filter((id) => id < config.vocab); // the model cannot say others
}
