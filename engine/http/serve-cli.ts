// Command line of the HTTP server: `npm run serve -- --model DIR [options]`. Used by people and by process managers.
// It knows no people and no money. One line on standard output when it is ready; faults go to standard error.
// Stops on Ctrl-C or SIGTERM: answers under way end first, a second signal does not wait.
// Exit codes: 0 stopped as told, 1 the engine failed, 2 the command is wrong.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EngineError } from '../errors.ts';
import { weightFormats } from '../model/weight-format.ts';
import { deviceWishes } from '../serve/choose-device.ts';
import { tellLoading } from '../serve/load-progress.ts';
import { createLocalEngine } from '../serve/local-engine.ts';
import { addApiKey, readApiKeys } from './api-keys.ts';
import { startHttpServer } from './http-server.ts';

const help = `npm run serve -- --model DIR [options]                    serve a model over HTTP, as OpenAI does
npm run serve -- --keys FILE --new-key NAME [limits]      make an API key, print it once, end

DIR is a Hugging Face folder: config.json, *.safetensors, tokenizer.json, tokenizer_config.json.

serving:
  --name NAME          the model's name in requests (default: the folder's name)
  --adapters DIR       LoRA adapters in PEFT format, a folder each; a folder's name is a model's name
  --host HOST          default 127.0.0.1; anything else needs --keys
  --port N             default 8080; 0 = any free one
  --keys FILE          API keys; without it programs of this machine may ask, nobody else
  --device D           auto (default), cpu, webgpu or cuda
  --weights W          int8 (default), int4 or f32 (exact)
  --threads N          compute threads (default: all cores but one)
  --rows N             answers written at the same time (default 16)
  --queue N            requests that may wait for one of those places (default 64)
  --context N          longest context in tokens (default 4096, or the model's own)
  --memory-mb N        most memory to hold, in MiB (default: half of the machine's)
keys:
  --new-key NAME       the key is printed once; FILE keeps its SHA-256 only
  --admin              this key may load and unload adapters
  --requests-per-minute N, --tokens-per-minute N, --concurrent N     limits of this key (default: none)

GET /v1/models lists what is served. Plain HTTP: put a proxy with TLS in front where the network is not yours.`;

/** The command line is wrong: exit code 2. */
class UsageError extends Error {}

const value = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const optionKinds = {
  model: value,
  name: value,
  adapters: value,
  host: value,
  port: value,
  keys: value,
  device: value,
  weights: value,
  threads: value,
  rows: value,
  queue: value,
  context: value,
  'memory-mb': value,
  'new-key': value,
  admin: flag,
  'requests-per-minute': value,
  'tokens-per-minute': value,
  concurrent: value,
  help: { ...flag, short: 'h' },
} as const;
type Options = ReturnType<typeof optionsOf>;

function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionKinds, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type NumberOption =
  | 'port'
  | 'threads'
  | 'rows'
  | 'queue'
  | 'context'
  | 'memory-mb'
  | 'requests-per-minute'
  | 'tokens-per-minute'
  | 'concurrent';

function numberOf(options: Options, name: NumberOption, least: number, most: number): number | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const number = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} is ${given}, expected a whole number from ${least} to ${most}`);
}

function choiceOf<T extends string>(
  options: Options,
  name: 'device' | 'weights',
  choices: readonly T[],
): T | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const found = choices.find((choice) => choice === given);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} is ${given}, expected one of ${choices.join(', ')}`);
}

function newKey(options: Options, name: string): void {
  if (options.keys === undefined) throw new UsageError('--new-key needs --keys FILE; see --help');
  const most = Number.MAX_SAFE_INTEGER;
  const secret = addApiKey(options.keys, {
    name,
    admin: options.admin === true,
    requestsPerMinute: numberOf(options, 'requests-per-minute', 1, most),
    tokensPerMinute: numberOf(options, 'tokens-per-minute', 1, most),
    concurrent: numberOf(options, 'concurrent', 1, most),
  });
  console.log(secret);
  console.error(`The key ${name} is printed above and kept nowhere: ${options.keys} has only its hash.`);
}

async function serve(options: Options): Promise<void> {
  const { model, name, adapters, host, keys } = options;
  if (model === undefined) throw new UsageError('the server needs --model DIR; see --help');
  if (adapters !== undefined && !existsSync(adapters))
    throw new UsageError(`--adapters: there is no folder ${adapters}`);
  const port = numberOf(options, 'port', 0, 65_535) ?? 8080;
  const memoryMb = numberOf(options, 'memory-mb', 64, 16_777_216);
  const settings = {
    device: choiceOf(options, 'device', deviceWishes),
    weights: choiceOf(options, 'weights', weightFormats),
    threads: numberOf(options, 'threads', 1, 64),
    rowsMax: numberOf(options, 'rows', 1, 256),
    queueMax: numberOf(options, 'queue', 0, 100_000),
    contextTokensMax: numberOf(options, 'context', 16, 1_048_576),
    memoryBytesMax: memoryMb === undefined ? undefined : memoryMb * 2 ** 20,
  };
  const known = keys === undefined ? undefined : readApiKeys(keys);
  const log = (line: string): void => console.error(line);
  const backend = await createLocalEngine({
    baseDir: model,
    ...settings,
    onProgress: tellLoading(log),
    log,
    inform: log,
  });
  try {
    const baseModel = name ?? basename(resolve(model));
    const server = await startHttpServer({
      backend,
      baseModel,
      adaptersDir: adapters,
      keys: known,
      host,
      port,
      log,
    });
    const open = known === undefined ? ', this machine only (no --keys)' : `, ${known.length} keys`;
    console.log(`Serving ${baseModel} at ${server.url}/v1${open}`);
    await untilTold();
    await server.stop();
  } finally {
    await backend.close();
  }
}

/** Resolves at the first signal; one that comes clearly later ends the process at once. */
function untilTold(): Promise<void> {
  const impatientMs = 1500; // one Ctrl-C arrives several times: from the terminal and from npm
  return new Promise((resolve) => {
    let since = 0;
    const told = (): void => {
      if (since > 0 && Date.now() - since > impatientMs) process.exit(130);
      if (since > 0) return;
      since = Date.now();
      console.error('Stopping: answers under way end first.');
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, told);
  });
}

/** What the person can mend by another command line or another file. */
const usageCodes: ReadonlySet<string> = new Set([
  'file_unreadable',
  'json_malformed',
  'keys_malformed',
  'keys_missing',
  'key_name_taken',
  'weights_missing',
  'config_unsupported',
  'device_unavailable',
  'memory_too_small',
]);

try {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) console.log(help);
  else if (options['new-key'] !== undefined) newKey(options, options['new-key']);
  else await serve(options);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  const mendable =
    taken || error instanceof UsageError || (error instanceof EngineError && usageCodes.has(error.code));
  process.exit(mendable ? 2 : 1);
}
