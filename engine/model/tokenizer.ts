// The tokenizer of a model folder: text <-> token ids, and a detokeniser for streams.
// Used by: chat-template, serving, training, corpus checks. Wraps @huggingface/tokenizers; nothing else imports it.
// Invariants: encode adds no token the text does not hold (the chat template places bos itself);
// a stream never emits half a character, and its pieces joined are the decoded whole.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { EngineError } from '../errors.ts';
import { isRecord, readJsonFile } from './json-file.ts';

export interface ModelTokenizer {
  /** Ids of the text. Special tokens written out in the text become their ids: clean what people type first. */
  encode(text: string): number[];
  /** Text of the ids; special tokens are left out unless `keepSpecial`. */
  decode(ids: readonly number[], options?: { readonly keepSpecial?: boolean }): string;
  /** A new detokeniser for one answer. */
  stream(): TokenStream;
  /** The id of a token by its exact text, such as `<|end|>`. */
  idOf(token: string): number | undefined;
  /** The texts of the special tokens, longest first. */
  readonly specialTokens: readonly string[];
  /** entries of the vocabulary, added tokens included */
  readonly vocabSize: number;
  /** the parsed tokenizer_config.json; the chat template lives there */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One answer on its way out: push ids as they come, print what comes back, flush at the end. */
export interface TokenStream {
  /** The text that became certain with this id; empty while a character is incomplete. */
  push(id: number): string;
  /** What is still held back: the replacement character for bytes that never became one. */
  flush(): string;
}

/**
 * Loads tokenizer.json and tokenizer_config.json of a model folder; tokens that only special_tokens_map.json names
 * (older folders) are added to the configuration.
 * @throws EngineError `file_unreadable` | `json_malformed` | `tokenizer_unsupported` | `tokenizer_mismatch`
 */
export function loadTokenizer(folder: string): ModelTokenizer {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path) && existsSync(join(folder, 'tokenizer.model')))
    throw new EngineError(
      `${folder} has tokenizer.model only; tokenizer.json is needed (transformers writes it: save_pretrained)`,
      { code: 'tokenizer_unsupported', retry: 'never' },
    );
  const json = readJsonFile(path);
  const config = readJsonFile(join(folder, 'tokenizer_config.json'));
  const mapPath = join(folder, 'special_tokens_map.json');
  const map = existsSync(mapPath) ? readJsonFile(mapPath) : {};
  checkVocabulary(json, join(folder, 'config.json'), path);
  return createTokenizer(json, isRecord(config) && isRecord(map) ? { ...map, ...config } : config, path);
}

/**
 * The vocabulary must lie within the model's, or a word may name a row that the embedding does not have. Added tokens
 * may lie beyond: some folders add a padding token that no text holds; a prompt that uses one is refused when it comes.
 */
function checkVocabulary(json: unknown, configPath: string, path: string): void {
  if (!isRecord(json) || !isRecord(json.model) || !isRecord(json.model.vocab) || !existsSync(configPath))
    return;
  const config = readJsonFile(configPath);
  const size = isRecord(config) ? config.vocab_size : undefined;
  if (typeof size !== 'number') return;
  for (const [token, id] of Object.entries(json.model.vocab))
    if (!(typeof id === 'number' && id >= 0 && id < size))
      throw new EngineError(
        `${path}: token ${JSON.stringify(token)} has id ${JSON.stringify(id)}, but config.json has vocab_size ${size}`,
        { code: 'tokenizer_mismatch', retry: 'never' },
      );
}

/** A special token in a tokenizer's configuration is its text, or an object that holds it. */
export function tokenText(value: unknown): string | undefined {
  const text = isRecord(value) ? value.content : value;
  return typeof text === 'string' ? text : undefined;
}

/** A tokenizer from parsed files. @param where named in errors */
export function createTokenizer(json: unknown, config: unknown, where = 'tokenizer.json'): ModelTokenizer {
  if (!isRecord(json) || !isRecord(config))
    throw new EngineError(`${where}: not a JSON object`, { code: 'json_malformed', retry: 'never' });
  let inner: Tokenizer;
  try {
    inner = new Tokenizer(json, config);
    // A file with a broken post-processor or decoder is built all right and fails at its first use: here, not in a prompt.
    const { ids } = inner.encode('a B1', { add_special_tokens: false });
    if (ids.length > 0)
      inner.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  } catch (cause) {
    throw new EngineError(`${where}: this kind of tokenizer is not supported`, {
      code: 'tokenizer_unsupported',
      retry: 'never',
      cause,
    });
  }
  const added = Array.isArray(json.added_tokens) ? json.added_tokens.filter(isRecord) : [];
  const specialTokens = added
    .filter((token) => token.special === true)
    .map((token) => String(token.content))
    .filter((content) => content !== '')
    .sort((a, b) => b.length - a.length);

  let vocabSize = 0; // a loop: as many arguments as Llama 3 has tokens would overflow the stack
  for (const id of inner.get_vocab(true).values()) vocabSize = Math.max(vocabSize, id + 1);

  const decode: ModelTokenizer['decode'] = (ids, options) =>
    ids.length === 0
      ? ''
      : inner.decode([...ids], {
          skip_special_tokens: options?.keepSpecial !== true,
          clean_up_tokenization_spaces: false,
        });

  return {
    encode: (text) => (text === '' ? [] : inner.encode(text, { add_special_tokens: false }).ids),
    decode,
    stream: () => createStream(decode),
    idOf: (token) => inner.token_to_id(token),
    specialTokens,
    vocabSize,
    config,
  };
}

const replacement = '\uFFFD';
/** An incomplete character is at most three bytes, which decoders show as one to three replacement characters. */
const heldMax = 3;
/** Decode this many ids at most for each push; must exceed the four ids that one character may take. */
const windowMax = 16;

function createStream(decode: (ids: readonly number[]) => string): TokenStream {
  let window: number[] = [];
  let emitted = 0; // characters of decode(window) already given out
  const take = (text: string, end: number): string => {
    const out = text.slice(emitted, end);
    emitted = Math.max(emitted, end);
    return out;
  };
  return {
    push(id) {
      window.push(id);
      const text = decode(window);
      let stable = text.length;
      while (stable > 0 && text.length - stable < heldMax && text[stable - 1] === replacement) stable--;
      const out = take(text, stable);
      // Forget the past only where no character is open. The last id stays as context, because some decoders
      // treat the first token of a text differently (they strip its space).
      if (window.length > windowMax && stable === text.length) {
        window = window.slice(-1);
        emitted = decode(window).length;
      }
      return out;
    },
    flush() {
      const text = decode(window);
      return take(text, text.length);
    },
  };
}
