// What is wrong with a model folder is told by name before any memory is taken, through the engine and through the
// serving worker; a worker that cannot start says why, and starts once the folder is whole again.
import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import { createChatTemplate } from '../../../engine/model/chat-template.ts';
import { parseModelConfig, supportedArchitectures } from '../../../engine/model/model-config.ts';
import { createTokenizer } from '../../../engine/model/tokenizer.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { createServeClient } from '../../../engine/serve/serve-client.ts';
import type { TokenEvent } from '../../../engine/serve/serve-protocol.ts';
import { testFolder } from '../model/test-folder.ts';
import { writeFamilyFolder } from './family-folder.ts';
import { smolLm2Template } from './family-templates.ts';
import { smolLm2Tokenizer } from './family-tokenizers.ts';
import { tinyConfigJson } from './published-configs.ts';

const files = smolLm2Tokenizer(smolLm2Template);
const quiet = { device: 'cpu', weights: 'f32', threads: 1, rowsMax: 2, contextTokensMax: 64 } as const;

function goodFolder(shards = 1): string {
  const folder = testFolder();
  writeFamilyFolder(folder, { name: 'SmolLM2 135M', files, dtype: 'f32', shards });
  return folder;
}

type Spoil = (folder: string) => void;
const remove =
  (name: string): Spoil =>
  (folder) =>
    rmSync(join(folder, name));
const text =
  (name: string, content: string): Spoil =>
  (folder) =>
    writeFileSync(join(folder, name), content);
const edit =
  (name: string, change: (json: Record<string, unknown>) => unknown): Spoil =>
  (folder) => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
  };
const config = (change: object): Spoil => edit('config.json', (json) => ({ ...json, ...change }));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
/** Rewrites the header of model.safetensors; the bytes of the tensors stay as they are. */
const header =
  (change: (header: Header) => unknown): Spoil =>
  (folder) => {
    const path = join(folder, 'model.safetensors');
    const bytes = readFileSync(path);
    const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
    const parsed = JSON.parse(bytes.subarray(8, dataStart).toString());
    const fresh = Buffer.from(JSON.stringify(change(parsed)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(fresh.length));
    writeFileSync(path, Buffer.concat([length, fresh, bytes.subarray(dataStart)]));
  };
const renamed = (from: string, to: string): Spoil =>
  header((entries) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name === from ? to : name, entry])),
  );
const lastFloat =
  (value: number): Spoil =>
  (folder) => {
    const path = join(folder, 'model.safetensors');
    const bytes = readFileSync(path);
    bytes.writeFloatLE(value, bytes.length - 4);
    writeFileSync(path, bytes);
  };

const norm = 'model.norm.weight';
const index = 'model.safetensors.index.json';
const shard = 'model-00002-of-00002.safetensors';

/** Seen by whoever loads the folder: the serving worker too. */
const broken: readonly (readonly [string, Spoil, string, RegExp])[] = [
  ['no config.json', remove('config.json'), 'file_unreadable', /cannot read .*config\.json/],
  [
    'a config.json that is not JSON',
    text('config.json', '{"architectures"'),
    'json_malformed',
    /config\.json/,
  ],
  ['a config.json that is a list', text('config.json', '[]'), 'config_malformed', /not a JSON object/],
  [
    'an unknown architecture',
    config({ architectures: ['MambaForCausalLM'] }),
    'config_unsupported',
    /MambaForCausalLM; supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM/,
  ],
  ['a size that is a text', config({ hidden_size: '576' }), 'config_malformed', /hidden_size is "576"/],
  ['a negative size', config({ intermediate_size: -80 }), 'config_malformed', /intermediate_size is -80/],
  ['layers for an age', config({ num_hidden_layers: 1e9 }), 'config_malformed', /at most 1024/],
  [
    'sizes beyond any memory',
    config({ intermediate_size: 2 ** 31 }),
    'memory_too_small',
    /of memory are allowed, but the weights/,
  ],
  ['a context as long as a lie', config({ max_position_embeddings: 1e300 }), 'config_malformed', /1e\+300/],
  [
    'a generation_config.json with words for ids',
    text('generation_config.json', '{"eos_token_id":"</s>"}'),
    'config_malformed',
    /generation_config\.json: eos_token_id is "<\/s>"/,
  ],
  ['no weights', remove('model.safetensors'), 'weights_missing', /no model\.safetensors/],
  [
    'a truncated file',
    (folder) => truncateSync(join(folder, 'model.safetensors'), 5000),
    'safetensors_malformed',
    /model\.safetensors/,
  ],
  ['an empty file', text('model.safetensors', ''), 'safetensors_malformed', /only 0 bytes/],
  [
    'a header longer than the file',
    text('model.safetensors', '\xff\xff\xff\xff\xff'),
    'safetensors_malformed',
    /header of \d+ bytes|only \d+ bytes/,
  ],
  [
    'a tensor of a negative size',
    header((entries) => ({ ...entries, [norm]: { ...entries[norm], shape: [-1] } })),
    'safetensors_malformed',
    /model\.norm\.weight has shape \[-1\]/,
  ],
  [
    'a tensor of a size beyond its bytes',
    header((entries) => ({ ...entries, [norm]: { ...entries[norm], shape: [2 ** 40] } })),
    'safetensors_malformed',
    /needs \d+ bytes/,
  ],
  [
    'numbers of eight bits',
    header((entries) => ({ ...entries, [norm]: { ...entries[norm], dtype: 'F8_E4M3' } })),
    'safetensors_dtype_unsupported',
    /F8_E4M3; F32, F16 and BF16/,
  ],
  [
    'a missing tensor',
    renamed(norm, 'model.other'),
    'weights_missing',
    /weight model\.norm\.weight is missing/,
  ],
  [
    'a tensor of another shape than the config says',
    config({ intermediate_size: 96 }),
    'weights_shape_mismatch',
    /gate_proj\.weight is \[80,384\], the config asks for \[96,384\]/,
  ],
  [
    'a bias that the config does not speak of',
    (folder) => {
      config({ attention_bias: true })(folder);
      rewriteWeights(folder);
      config({ attention_bias: false })(folder);
    },
    'weights_unexpected',
    /weight model\.layers\.0\.self_attn\.[qkvo]_proj\.bias has no place/,
  ],
  ['not a number among the weights', lastFloat(Number.NaN), 'weights_not_finite', /holds NaN at/],
  ['an infinite weight', lastFloat(Number.POSITIVE_INFINITY), 'weights_not_finite', /holds Infinity at/],
];

/** The weights written again for the config.json as it is now. */
function rewriteWeights(folder: string): void {
  const { attention_bias } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  writeFamilyFolder(folder, {
    name: 'SmolLM2 135M',
    files,
    dtype: 'f32',
    shards: 1,
    json: { attention_bias },
  });
}

const brokenShards: readonly (readonly [string, Spoil, string, RegExp])[] = [
  ['a missing shard', remove(shard), 'file_unreadable', /00002-of-00002/],
  ['an index without its map', text(index, '{}'), 'safetensors_malformed', /index\.json.*no weight_map/],
  [
    'an index that leads out of the folder',
    edit(index, ({ weight_map: map }) => ({ weight_map: { ...(map as object), x: '../x.safetensors' } })),
    'safetensors_malformed',
    /shard name \.\.\/x/,
  ],
  [
    'an index that promises too much',
    edit(index, ({ weight_map: map }) => ({ weight_map: { ...(map as object), more: shard } })),
    'weights_missing',
    /promises more/,
  ],
];

/** Seen where text is: the engine on the main thread. */
const brokenText: readonly (readonly [string, Spoil, string, RegExp])[] = [
  ['no tokenizer.json', remove('tokenizer.json'), 'file_unreadable', /cannot read .*tokenizer\.json/],
  [
    'a SentencePiece file only',
    (folder) => renameSync(join(folder, 'tokenizer.json'), join(folder, 'tokenizer.model')),
    'tokenizer_unsupported',
    /tokenizer\.json is needed/,
  ],
  ['a tokenizer.json that is a list', text('tokenizer.json', '[]'), 'json_malformed', /tokenizer\.json/],
  [
    'a tokenizer of an unknown kind',
    edit('tokenizer.json', (json) => ({ ...json, model: { type: 'Telepathy' } })),
    'tokenizer_unsupported',
    /tokenizer\.json/,
  ],
  [
    'a vocabulary larger than the model’s',
    config({ vocab_size: 100 }),
    'tokenizer_mismatch',
    /has id 100, but config\.json has vocab_size 100/,
  ],
  ['no tokenizer_config.json', remove('tokenizer_config.json'), 'file_unreadable', /tokenizer_config/],
  [
    'a chat template that is no Jinja',
    text('chat_template.jinja', '{% for %}'),
    'chat_template_malformed',
    /not valid Jinja/,
  ],
  [
    'a chat_template.json that is not JSON',
    text('chat_template.json', '{'),
    'json_malformed',
    /chat_template/,
  ],
];

const refused = (code: string, message: RegExp) =>
  expect.objectContaining({
    name: 'EngineError',
    code,
    retry: 'never',
    message: expect.stringMatching(message),
  });

describe('a model folder with', () => {
  it.each(broken)('%s does not start the serving worker, which says why', async (_, spoil, code, message) => {
    const folder = goodFolder();
    spoil(folder);
    await expect(createServeClient({ ...quiet, modelDir: folder })).rejects.toEqual(refused(code, message));
  });

  it.each(brokenShards)('%s does not start it either', async (_, spoil, code, message) => {
    const folder = goodFolder(2);
    spoil(folder);
    await expect(createServeClient({ ...quiet, modelDir: folder })).rejects.toEqual(refused(code, message));
  });

  it.each(brokenText)('%s is refused by the engine', async (_, spoil, code, message) => {
    const folder = goodFolder();
    spoil(folder);
    await expect(createLocalEngine({ ...quiet, baseDir: folder })).rejects.toEqual(refused(code, message));
  });
});

describe('a worker whose folder broke while it ran', () => {
  it('tells each call why it does not start, and starts when the folder is whole again', async () => {
    const folder = goodFolder();
    const client = await createServeClient({ ...quiet, modelDir: folder });
    const answer = async (): Promise<readonly TokenEvent['type'][]> => {
      const types: TokenEvent['type'][] = [];
      const asked = { promptIds: [3, 4, 5], maxTokens: 3, stopIds: [], temperature: 0, seed: 1 };
      for await (const event of client.generate(asked)) types.push(event.type);
      return types;
    };
    expect((await answer()).at(-1)).toBe('done');
    const [weights, aside] = ['model.safetensors', 'aside'].map((name) => join(folder, name));
    renameSync(weights, aside);
    await client.crash();
    await expect(answer()).rejects.toEqual(refused('weights_missing', /no model\.safetensors/));
    renameSync(aside, weights);
    // The attempt that a failed call starts may still have seen the folder broken.
    await expect.poll(() => answer().catch(() => []), { timeout: 20_000 }).toContain('done');
    await client.close();
    expect(existsSync(weights)).toBe(true);
  });
});

describe('files of random contents', () => {
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, -1, 1e300, 2 ** 31, 0.5, '', 'x', null, [], {}, true, 'llama3', 'yarn'),
  );
  /** Either works, or an EngineError says what is wrong: nothing else may escape. */
  const onlyEngineErrors = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(EngineError);
    }
  };

  it('a config.json with three random fields is read or refused, 3,000 times', () => {
    const good: Record<string, unknown> = {
      ...tinyConfigJson('Llama 3.1 8B', 300),
      ...{ sliding_window: 4, layer_types: null, rope_parameters: null, generation: 1, head_dim: null },
      ...{ use_sliding_window: false, max_window_layers: 2, partial_rotary_factor: 1 },
    };
    const scaling = fc.dictionary(
      fc.constantFrom(
        ...['rope_type', 'type', 'factor', 'low_freq_factor', 'high_freq_factor', 'rope_theta', 'mscale'],
        ...['original_max_position_embeddings', 'beta_fast', 'truncate', 'attention_factor'],
      ),
      anything,
    );
    const field = fc.tuple(fc.constantFrom(...Object.keys(good)), fc.oneof(anything, scaling));
    const architecture = fc.constantFrom(...supportedArchitectures);
    fc.assert(
      fc.property(architecture, fc.array(field, { maxLength: 3 }), scaling, (name, fields, rope) => {
        const json = { ...good, architectures: [name], rope_scaling: rope, ...Object.fromEntries(fields) };
        onlyEngineErrors(() => parseModelConfig(json));
      }),
      { numRuns: 3000 },
    );
  });

  it('a tokenizer.json with a random part is read or refused, and what is read encodes, 300 times', () => {
    const good = files.tokenizer;
    const tokenizer = createTokenizer(good, files.config);
    const part = fc.constantFrom(...Object.keys(good));
    fc.assert(
      fc.property(part, anything, (key, value) => {
        onlyEngineErrors(() =>
          createTokenizer({ ...good, [key]: value }, files.config).encode('Hello there'),
        );
      }),
      { numRuns: 300 },
    );
    expect(tokenizer.decode(tokenizer.encode('Hello'))).toBe('Hello');
  });

  it('a random chat template is read or refused, and what is read renders or says why not, 500 times', () => {
    const tokenizer = createTokenizer(files.tokenizer, files.config);
    const piece = fc.constantFrom(
      ...['{{', '}}', '{%', '%}', ' for m in messages ', ' endfor ', ' if m ', ' endif ', 'm.content', '[0]'],
      ...['messages', " raise_exception('no') ", ' | tojson', ' x.y.z ', '1 / 0', "'", ' set a = ', 'text'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        onlyEngineErrors(() => {
          const template = createChatTemplate(pieces.join(''), tokenizer);
          template.encodePrompt([{ role: 'user', content: 'Hi' }]);
        });
      }),
      { numRuns: 500 },
    );
  });
});
