// Command line of the engine: `npm run -s engine -- generate|score`. Used by people and scripts. It runs the same
// worker as serving. It knows no people and no money. Exit codes: 0 done, 1 the engine failed, 2 the command is wrong
// (unknown option, missing folder, text that does not fit); errors go to standard error in one line.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { AdapterRef } from './engine.ts';
import { EngineError } from './errors.ts';
import { loadChatTemplate } from './model/chat-template.ts';
import { loadModelConfig } from './model/model-config.ts';
import { loadTokenizer, type ModelTokenizer } from './model/tokenizer.ts';
import { weightFormats } from './model/weight-format.ts';
import { deviceWishes } from './serve/choose-device.ts';
import { rawPromptIds } from './serve/raw-prompt.ts';
import { createServeClient, type ServeClient } from './serve/serve-client.ts';
import { stopIdsOf } from './serve/stop-ids.ts';

const help = `npm run -s engine -- generate --model DIR --prompt TEXT [options]   continue a text
npm run -s engine -- score --model DIR --text TEXT [options]        how likely a text is, token by token

DIR is a Hugging Face folder: config.json, *.safetensors, tokenizer.json, tokenizer_config.json.

both:
  --adapter DIR       LoRA adapter in PEFT format
  --threads N         compute threads (default 1)
  --weights W         int8 (default), int4 or f32 (exact)
  --device D          auto (default), cpu, webgpu or cuda
  --json              one JSON line: {"ids":[...],"text":"..."} or {"ids":[...],"nll":[...]}
generate:
  --max-tokens N      length of the answer at most (default 128)
  --temperature T     0 = always the likeliest token (default 0)
  --top-k K           draw from the K likeliest tokens only
  --top-p P           draw from the likeliest tokens that reach probability P
  --seed S            same seed, same tokens (default: random)
  --chat              put TEXT into the model's chat template as the user's message
score:
  nll is -log p(token) in nats for each token after the first; a begin token is added where the tokenizer has one`;

/** The command line is wrong: exit code 2. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const [command] = args;
  if (command === undefined || command === 'help' || args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return;
  }
  if (command !== 'generate' && command !== 'score')
    throw new UsageError(`unknown command ${command}; expected generate or score, see --help`);
  const options = optionsOf(command, args.slice(1));
  const tokenizer = loadTokenizer(options.model);
  const { model, threads, weights, device } = options;
  const client = await createServeClient({ modelDir: model, threads, weights, device, rowsMax: 1 });
  try {
    if (options.command === 'generate') await generate(client, tokenizer, options);
    else await score(client, tokenizer, options);
  } finally {
    await client.close();
  }
}

interface CommonOptions {
  readonly model: string;
  readonly adapter: AdapterRef | undefined;
  readonly threads: number;
  readonly weights: (typeof weightFormats)[number];
  readonly device: (typeof deviceWishes)[number];
  readonly json: boolean;
}

interface GenerateOptions extends CommonOptions {
  readonly command: 'generate';
  readonly prompt: string;
  readonly chat: boolean;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
  readonly seed: number;
}

interface ScoreOptions extends CommonOptions {
  readonly command: 'score';
  readonly text: string;
}

function optionsOf(command: 'generate' | 'score', args: readonly string[]): GenerateOptions | ScoreOptions {
  const value = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const common = {
    model: value,
    adapter: value,
    threads: value,
    weights: value,
    device: value,
    json: flag,
  } as const;
  const strings = parsed(args, {
    ...common,
    ...(command === 'score'
      ? { text: value }
      : {
          prompt: value,
          'max-tokens': value,
          temperature: value,
          'top-k': value,
          'top-p': value,
          seed: value,
          chat: flag,
        }),
  });
  const required = (name: string): string => {
    const given = strings[name];
    if (typeof given !== 'string') throw new UsageError(`${command} needs --${name}; see --help`);
    return given;
  };
  const number = (name: string, least: number, integer: boolean): number | undefined => {
    const given = strings[name];
    if (typeof given !== 'string') return undefined;
    const read = given.trim() === '' ? Number.NaN : Number(given);
    if (!Number.isFinite(read) || read < least || (integer && !Number.isSafeInteger(read)))
      throw new UsageError(
        `--${name} is ${given}, expected ${integer ? 'a whole number' : 'a number'} of at least ${least}`,
      );
    return read;
  };
  const choice = <T extends string>(name: string, choices: readonly T[], usual: T): T => {
    const given = strings[name] ?? usual;
    const chosen = choices.find((candidate) => candidate === given);
    if (chosen === undefined)
      throw new UsageError(`--${name} is ${given}, expected one of ${choices.join(', ')}`);
    return chosen;
  };
  const { adapter } = strings;
  const shared = {
    model: required('model'),
    adapter: typeof adapter === 'string' ? { id: adapter, dir: adapter } : undefined,
    threads: number('threads', 1, true) ?? 1,
    weights: choice('weights', weightFormats, 'int8'),
    device: choice('device', deviceWishes, 'auto'),
    json: strings.json === true,
  };
  if (command === 'score') return { ...shared, command, text: required('text') };
  return {
    ...shared,
    command,
    prompt: required('prompt'),
    chat: strings.chat === true,
    maxTokens: number('max-tokens', 1, true) ?? 128,
    temperature: number('temperature', 0, false) ?? 0,
    topK: number('top-k', 1, true),
    topP: number('top-p', 0, false),
    seed: number('seed', Number.MIN_SAFE_INTEGER, true) ?? randomInt(2 ** 31),
  };
}

function parsed(
  args: readonly string[],
  options: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>,
): Readonly<Record<string, unknown>> {
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function generate(
  client: ServeClient,
  tokenizer: ModelTokenizer,
  options: GenerateOptions,
): Promise<void> {
  const { model, prompt, chat, json, adapter, maxTokens, temperature, topK, topP, seed } = options;
  const promptIds = chat
    ? loadChatTemplate(model, tokenizer).encodePrompt([{ role: 'user', content: prompt }])
    : rawPromptIds(model, tokenizer, prompt);
  const stopIds = stopIdsOf(loadModelConfig(model), tokenizer);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const request = { promptIds, adapter, maxTokens, stopIds, temperature, topK, topP, seed };
  const detokeniser = tokenizer.stream();
  const ids: number[] = [];
  for await (const event of client.generate(request, stop.signal)) {
    if (event.type !== 'token') continue;
    ids.push(event.id);
    if (!json) process.stdout.write(detokeniser.push(event.id));
  }
  console.log(json ? JSON.stringify({ ids, text: tokenizer.decode(ids) }) : detokeniser.flush());
}

async function score(client: ServeClient, tokenizer: ModelTokenizer, options: ScoreOptions): Promise<void> {
  const ids = rawPromptIds(options.model, tokenizer, options.text);
  if (ids.length < 2) throw new UsageError(`the text has ${ids.length} tokens; scoring needs two`);
  const nll = await client.score(ids, options.adapter);
  if (options.json) {
    console.log(JSON.stringify({ ids, nll }));
    return;
  }
  nll.forEach((nats, index) => {
    const token = JSON.stringify(tokenizer.decode([ids[index + 1]], { keepSpecial: true }));
    console.log(`${nats.toFixed(4).padStart(9)}  ${String(ids[index + 1]).padStart(6)}  ${token}`);
  });
  const mean = nll.reduce((sum, nats) => sum + nats, 0) / nll.length;
  console.log(
    `${mean.toFixed(4).padStart(9)}  mean of ${nll.length} tokens, perplexity ${Math.exp(mean).toFixed(2)}`,
  );
}

/** What the person can mend by another command line. */
const usageCodes: ReadonlySet<string> = new Set([
  'file_unreadable',
  'weights_missing',
  'config_unsupported',
  'prompt_too_long',
  'prompt_empty',
  'sampling_invalid',
]);

try {
  await main(process.argv.slice(2));
} catch (error) {
  const mendable =
    error instanceof UsageError || (error instanceof EngineError && usageCodes.has(error.code));
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = mendable ? 2 : 1;
}
