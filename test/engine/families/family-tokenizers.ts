// Small tokenizer.json files of the kinds the families use, built in a moment: byte-level BPE as Llama 3, Qwen2 and
// SmolLM2 split and normalise it, SentencePiece-style BPE with byte fallback as Llama 2 and Mistral have it. Only the
// vocabularies are ours; the pipeline around them (normaliser, splitter, post-processor, decoder) is of that kind.
import { countWords, specialTokens, trainBpe } from '../../../engine/corpus/train-tokenizer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface TokenizerFiles {
  readonly tokenizer: Json;
  readonly config: Json;
}

const text = `What is the capital of Kenya? The capital of Kenya is Nairobi. Hello there, how are you today? I am
fine, thank you. You are a helpful assistant. Once upon a time there was a small town by the sea; 1984 and 2024 were
years. The the the and and and of of of to to to in in in is is is it's it's don't don't we'll we'll`;

const counts = new Map<string, number>();
for (let i = 0; i < 3; i++) countWords(text, counts);
const trained = trainBpe(counts, 400);
/** Bytes, then merges: as the published vocabularies begin. */
const bytesAndMerges = trained.tokens.slice(specialTokens.length);

const added = (content: string, id: number, special = true): Json => ({
  ...{ id, content, special, normalized: false },
  ...{ single_word: false, lstrip: false, rstrip: false },
});

/** The splitting expressions that these families published; Llama 3 and Qwen2 differ in how digits stand together. */
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = (digits: string): string =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const split = (regex: string): Json => ({
  ...{ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
});
const byteLevel = (useRegex: boolean): Json => ({
  ...{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex },
});
const beginWith = (token: string, id: number): Json => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});

interface ByteLevelOptions {
  /** Special tokens; Llama 3 and Qwen2 have theirs after the vocabulary, SmolLM2 before it. */
  readonly special: readonly string[];
  readonly specialFirst: boolean;
  readonly normalizer: Json | null;
  readonly preTokenizers: readonly Json[];
  readonly postProcessor: (idOf: (token: string) => number) => Json | null;
  readonly ignoreMerges: boolean;
}

function byteLevelJson(options: ByteLevelOptions): Json {
  const { special, specialFirst, ignoreMerges } = options;
  const firstByte = specialFirst ? special.length : 0;
  const firstSpecial = specialFirst ? 0 : bytesAndMerges.length;
  const idOf = (token: string): number => firstSpecial + special.indexOf(token);
  const vocab = Object.fromEntries(bytesAndMerges.map((token, index) => [token, firstByte + index]));
  return {
    version: '1.0',
    added_tokens: special.map((token) => added(token, idOf(token))),
    normalizer: options.normalizer,
    pre_tokenizer: { type: 'Sequence', pretokenizers: options.preTokenizers },
    post_processor: options.postProcessor(idOf),
    decoder: byteLevel(true),
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null, ignore_merges: ignoreMerges },
      vocab: specialFirst
        ? { ...Object.fromEntries(special.map((token, id) => [token, id])), ...vocab }
        : vocab,
      // Llama 3.2 and newer files write a merge as a pair, older ones as text with a space.
      merges: trained.merges.map((pair) => {
        const both = pair.map((id) => trained.tokens[id]);
        return ignoreMerges ? both : both.join(' ');
      }),
    },
  };
}

export function llama3Tokenizer(chatTemplate?: string): TokenizerFiles {
  const special = [
    ...['<|begin_of_text|>', '<|end_of_text|>', '<|start_header_id|>', '<|end_header_id|>'],
    ...['<|eom_id|>', '<|eot_id|>'],
  ];
  return {
    tokenizer: byteLevelJson({
      special,
      specialFirst: false,
      normalizer: null,
      preTokenizers: [split(words('\\p{N}{1,3}')), byteLevel(false)],
      postProcessor: (idOf) => ({
        type: 'Sequence',
        processors: [byteLevel(true), beginWith('<|begin_of_text|>', idOf('<|begin_of_text|>'))],
      }),
      ignoreMerges: true,
    }),
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<|begin_of_text|>',
      eos_token: '<|eot_id|>',
      clean_up_tokenization_spaces: true,
      chat_template: chatTemplate,
    },
  };
}

export function qwen2Tokenizer(chatTemplate?: string): TokenizerFiles {
  return {
    tokenizer: byteLevelJson({
      special: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
      specialFirst: false,
      normalizer: { type: 'NFC' },
      preTokenizers: [split(words('\\p{N}')), byteLevel(false)],
      postProcessor: () => byteLevel(false),
      ignoreMerges: false,
    }),
    config: {
      ...{ tokenizer_class: 'Qwen2Tokenizer', add_bos_token: false, add_prefix_space: false },
      ...{ bos_token: null, eos_token: '<|im_end|>', pad_token: '<|endoftext|>', unk_token: null },
      ...{ clean_up_tokenization_spaces: false, chat_template: chatTemplate },
    },
  };
}

export function smolLm2Tokenizer(chatTemplate?: string): TokenizerFiles {
  return {
    tokenizer: byteLevelJson({
      special: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
      specialFirst: true,
      normalizer: null,
      preTokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)],
      postProcessor: () => null,
      ignoreMerges: false,
    }),
    config: {
      ...{ tokenizer_class: 'GPT2Tokenizer', add_prefix_space: false },
      ...{ bos_token: '<|im_start|>', eos_token: '<|im_end|>', unk_token: '<|endoftext|>' },
      ...{ clean_up_tokenization_spaces: false, chat_template: chatTemplate },
    },
  };
}

/** Pieces of a SentencePiece vocabulary: whole words grow by merges from single characters, `▁` marks a space. */
const spmWords = ['▁Hello', '▁there', '▁the', '▁capital', '▁of', '▁Kenya', '▁is', '▁you', '▁are', '▁INST'];

interface SpmOptions {
  /** Special tokens after <unk>, <s>, </s>. */
  readonly more: readonly string[];
  /** legacy: the normaliser puts `▁` before every piece of text; first: the splitter does, at the very beginning. */
  readonly space: 'legacy' | 'first';
}

function spmJson({ more, space }: SpmOptions): Json {
  const special = ['<unk>', '<s>', '</s>', ...more];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const letters = [...'▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?![]/<>'];
  const merges: string[] = [];
  const pieces = new Set<string>();
  for (const word of spmWords) {
    let grown = '▁';
    for (const letter of word.slice(1)) {
      if (!pieces.has(grown + letter)) merges.push(`${grown} ${letter}`);
      grown += letter;
      pieces.add(grown);
    }
  }
  const vocab = [...special, ...bytes, ...letters, ...pieces];
  const replace = (from: string, to: string): Json => ({
    ...{ type: 'Replace', pattern: { String: from }, content: to },
  });
  const legacy = space === 'legacy';
  return {
    version: '1.0',
    added_tokens: special.map((token, id) => added(token, id)),
    normalizer: legacy
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }
      : null,
    pre_tokenizer: legacy
      ? null
      : { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    post_processor: beginWith('<s>', 1),
    decoder: {
      type: 'Sequence',
      decoders: [
        ...[replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }],
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: '<unk>', fuse_unk: true, byte_fallback: true },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null, ignore_merges: false },
      vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
      merges,
    },
  };
}

const tokenObject = (content: string): Json => ({
  __type: 'AddedToken',
  content,
  lstrip: false,
  special: true,
});

/** Special tokens as objects and `add_bos_token`, as the first Llama 2 folders have them. */
export function llama2Tokenizer(chatTemplate?: string): TokenizerFiles {
  return {
    tokenizer: spmJson({ more: [], space: 'legacy' }),
    config: {
      ...{ tokenizer_class: 'LlamaTokenizer', add_bos_token: true, add_eos_token: false, legacy: false },
      ...{ bos_token: tokenObject('<s>'), eos_token: tokenObject('</s>'), unk_token: tokenObject('<unk>') },
      ...{ clean_up_tokenization_spaces: false, chat_template: chatTemplate },
    },
  };
}

/** From v0.3 on [INST] and [/INST] are tokens of their own; before, `control: false`, they are plain text. */
export function mistralTokenizer(control: boolean, chatTemplate?: string): TokenizerFiles {
  return {
    tokenizer: spmJson({
      more: control ? ['[INST]', '[/INST]'] : [],
      space: control ? 'first' : 'legacy',
    }),
    config: {
      ...{ tokenizer_class: 'LlamaTokenizer', add_bos_token: true, add_eos_token: false },
      ...{ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
      ...{ clean_up_tokenization_spaces: false, chat_template: chatTemplate },
    },
  };
}
