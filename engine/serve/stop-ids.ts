// The tokens that end an answer of a model. Used by local-engine.ts and the command line.
import type { LlamaConfig } from '../model/model-config.ts';
import type { ModelTokenizer } from '../model/tokenizer.ts';
import { tokenText } from './raw-prompt.ts';

/** End-of-turn tokens of common chat templates; our own base uses the first. */
const endOfTurn = ['<|end|>', '<|im_end|>', '<|eot_id|>'] as const;

/** The config's end ids, the tokenizer's end token, and end-of-turn tokens that the vocabulary has. */
export function stopIdsOf(config: LlamaConfig, tokenizer: ModelTokenizer): readonly number[] {
  const eos = tokenText(tokenizer.config.eos_token);
  const named = [eos, ...endOfTurn].flatMap((token) => (token === undefined ? [] : [tokenizer.idOf(token)]));
  return [...new Set([...config.eosIds, ...named.filter((id) => id !== undefined)])];
}
