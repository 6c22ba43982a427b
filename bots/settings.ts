// Every setting of the program, as data: read from the environment, checked at start, listed in README and .env.example
// (a test compares them). Used by the composition root and the command lines. A wrong value is named with what it should be.
import { z } from 'zod';
import { amountOfOpen, oneOf, optional, optionalNumber, partOfOne, wholeNumber } from './setting-kinds.ts';

export interface Setting {
  readonly name: string;
  /** What holds when the variable is not set; empty = off. */
  readonly fallback: string;
  readonly about: string;
}

export const settings = [
  {
    name: 'DATA_DIR',
    fallback: '.data',
    about: 'Folder for the database, trained adapters and gradient stores',
  },
  {
    name: 'DATABASE_URL',
    fallback: '',
    about: 'A PostgreSQL 15+ of your own (`postgres://…`) instead of the embedded one',
  },
  {
    name: 'DATABASE_OWNER_URL',
    fallback: '',
    about:
      'The login that owns the tables of DATABASE_URL; the program itself then runs as one that cannot change history',
  },
  {
    name: 'DISCORD_BOT_SECRET',
    fallback: '',
    about: 'Bot token: talk to the real Discord instead of the local one',
  },
  {
    name: 'TELEGRAM_BOT_SECRET',
    fallback: '',
    about: 'Bot token: talk to the real Telegram instead of the local one',
  },
  {
    name: 'PLAYGROUND_PORT',
    fallback: '8137',
    about: 'Port of the playground page on 127.0.0.1; 0 = any free one',
  },
  {
    name: 'PUBLIC_URL',
    fallback: '',
    about:
      'Where the outside reaches the pages (wallets, trainings, epochs) through a proxy of yours: `https://…`; empty = this machine only',
  },
  {
    name: 'ENGINE_BASE_DIR',
    fallback: 'engine/base',
    about: 'Base model: a Hugging Face folder of the Llama family',
  },
  {
    name: 'ENGINE_DEVICE',
    fallback: 'auto',
    about:
      'What the model runs and trains on: auto, cpu, webgpu or cuda; auto takes a GPU that is clearly faster',
  },
  {
    name: 'ENGINE_WEIGHTS',
    fallback: 'int8',
    about: 'How its matrices are kept: int8, int4 (smaller, less exact) or f32 (exact, four times as large)',
  },
  {
    name: 'ENGINE_THREADS',
    fallback: '',
    about: 'Threads of one model run (1-64); empty = all cores but one',
  },
  { name: 'ENGINE_ROWS', fallback: '16', about: 'Answers written at the same time (1-256)' },
  {
    name: 'ENGINE_MEMORY_MB',
    fallback: '',
    about: 'Most memory that serving may hold, in MiB; empty = half of the machine’s',
  },
  {
    name: 'ENGINE_REMOTE_URL',
    fallback: '',
    about:
      'Another machine answers instead: `http://host:port` of vLLM, SGLang, llama-server or `npm run serve` with the same base model',
  },
  {
    name: 'ENGINE_REMOTE_KEY',
    fallback: '',
    about: 'API key of that machine; it must be allowed to load adapters',
  },
  {
    name: 'ENGINE_REMOTE_DIALECT',
    fallback: 'auto',
    about: 'What that machine runs: openmodels, vllm, sglang or llamacpp; auto finds out',
  },
  {
    name: 'ENGINE_REMOTE_DATA_DIR',
    fallback: '',
    about: 'Where that machine finds DATA_DIR (a shared or copied folder); empty = the same path',
  },
  {
    name: 'STARTER_GRANT_OPEN',
    fallback: '10',
    about:
      'OPEN that a new person gets to spend (not withdrawable); what it buys earns others nothing that is paid out',
  },
  {
    name: 'CALL_BUDGET_OPEN',
    fallback: '0.05',
    about: 'Most OPEN that one answer may cost where its person has set no budget',
  },
  {
    name: 'DAY_BUDGET_OPEN',
    fallback: '',
    about: 'Most OPEN that a person spends in a UTC day where they set none themselves; empty = no limit',
  },
  {
    name: 'CONVERSATION_BUDGET_OPEN',
    fallback: '',
    about: 'The same for one conversation',
  },
  {
    name: 'CHAIN_RPC_URL',
    fallback: '',
    about: 'JSON-RPC of a real chain with the contracts; empty = a local practice chain',
  },
  {
    name: 'CHAIN_DEPLOYMENT',
    fallback: '',
    about: 'The file that `npm run deploy` wrote for that chain',
  },
  {
    name: 'CHAIN_KEYSTORE',
    fallback: '',
    about: 'Encrypted key file of who posts epochs; empty = epochs are cut and published, not posted',
  },
  {
    name: 'CHAIN_KEYSTORE_PASSWORD_FILE',
    fallback: '',
    about: 'File with its password, readable by its owner only',
  },
  {
    name: 'CHAIN_SIGNER_URL',
    fallback: '',
    about: 'Key service that signs in place of CHAIN_KEYSTORE: `https://…`',
  },
  { name: 'CHAIN_SIGNER_TOKEN_FILE', fallback: '', about: 'File with the token for that service' },
  {
    name: 'CHAIN_FINALITY',
    fallback: 'finalized',
    about: 'When a deposit counts: finalized, or a number of blocks on top of it',
  },
  {
    name: 'CHAIN_MAX_FEE_GWEI',
    fallback: '100',
    about: 'Most that a transaction may pay per gas; a dearer chain is waited for',
  },
  { name: 'CHAIN_PORT', fallback: '8545', about: 'Port of the local chain on 127.0.0.1; 0 = any free one' },
  {
    name: 'CHAIN_WALLET_RPC_URL',
    fallback: '',
    about:
      'JSON-RPC that browser wallets are told on a real chain; empty = the one they know themselves (CHAIN_RPC_URL may hold a key)',
  },
  {
    name: 'CHAIN_EPOCH_MINUTES',
    fallback: '',
    about:
      'Minutes from one epoch to the next: receipts and claims of that time are settled together; empty = 60, on the local chain 5',
  },
  {
    name: 'CHAIN_REPLACE_MINUTES',
    fallback: '3',
    about: 'Minutes after which a posting that nobody mines is sent again with a higher fee',
  },
  {
    name: 'PAYOUT_LEAST_OPEN',
    fallback: '0.01',
    about: 'Earnings below this wait for a later epoch',
  },
  {
    name: 'PLATFORM_WALLET',
    fallback: '',
    about:
      'Address (0x…) to which the parts of the platform and of this node are paid out; empty = they stay in the ledger',
  },
  {
    name: 'BOOKS_HOUR',
    fallback: '3',
    about: 'Hour (UTC, 0-23) at which the books are proved and the proof is stored',
  },
  {
    name: 'REVIEWS_TO_AGREE',
    fallback: '2',
    about: 'Reviewers who must agree on a contribution (1-9); 1 = the first verdict decides',
  },
  {
    name: 'AUDIT_RETRAININGS',
    fallback: '16',
    about:
      'Retrainings without half of the contributors (2-200) by which the attribution of a version is audited',
  },
  {
    name: 'AUDIT_LDS_MIN',
    fallback: '0.4',
    about:
      'Agreement with retraining (LDS, -1 to 1) that the audit of a version must find before the version pays by attribution',
  },
  {
    name: 'AUDIT_FIRST_MIN',
    fallback: '0.8',
    about:
      'Part of its questions (0-1) in which the contribution that states the fact must be named first, likewise',
  },
  {
    name: 'AUDIT_CALLS_PERCENT',
    fallback: '1',
    about: 'Paid calls in a hundred (0-100) whose attribution is checked against retrained adapters',
  },
  {
    name: 'TRAIN_AFTER_ACCEPTED',
    fallback: '20',
    about: 'Newly accepted contributions after which the next version is trained',
  },
  {
    name: 'TRAIN_PARALLEL',
    fallback: '1',
    about: 'Trainings at the same time on this machine (1-8); the others wait in line',
  },
  {
    name: 'TRAIN_MEMORY_MB',
    fallback: '',
    about: 'Most memory that one training may take, in MiB; one that needs more is refused; empty = no limit',
  },
  {
    name: 'TRAIN_MINUTES',
    fallback: '',
    about: 'Longest time of one phase of a training; it then ends with what it has; empty = no limit',
  },
  {
    name: 'TRAIN_PAIRS_MIN',
    fallback: '16',
    about:
      'Accepted corrections from which a version is also trained to prefer them (DPO); 300 for large datanets',
  },
  {
    name: 'TRAIN_VOTES_MIN',
    fallback: '40',
    about:
      'Votes from which a version is also trained on 👍 and 👎 (KTO), a fifth of them of the rarer sign; 200 for large datanets',
  },
  {
    name: 'OPERATORS',
    fallback: '',
    about:
      'Who may cancel every training and give back what an answer cost (/refund): `discord:<user id>` or `telegram:<user id>`, separated by commas',
  },
  {
    name: 'LOG_LEVEL',
    fallback: 'warn',
    about: 'fatal, error, warn, info, debug or trace; the log goes to DATA_DIR/log.jsonl',
  },
] as const satisfies readonly Setting[];

type SettingName = (typeof settings)[number]['name'];

const shape = {
  DATA_DIR: z.string().min(1, 'a folder'),
  DATABASE_URL: optional(
    z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'an address like postgres://user:password@host:5432/name'),
  ),
  DATABASE_OWNER_URL: optional(
    z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'an address like postgres://owner:password@host:5432/name'),
  ),
  DISCORD_BOT_SECRET: optional(
    z.string().min(50, 'a Discord bot token (from the developer portal, page "Bot")'),
  ),
  TELEGRAM_BOT_SECRET: optional(
    z.string().regex(/^\d+:[\w-]{30,}$/, 'a Telegram bot token as @BotFather gives it, like 123456:ABC…'),
  ),
  PLAYGROUND_PORT: wholeNumber(0, 65_535),
  PUBLIC_URL: optional(z.string().regex(/^https:\/\/[^\s@/]+\/?$/, 'an address like https://market.example')),
  ENGINE_BASE_DIR: z.string().min(1, 'a folder with config.json, tokenizer.json and *.safetensors'),
  ENGINE_DEVICE: z.enum(['auto', 'cpu', 'webgpu', 'cuda'], oneOf),
  ENGINE_WEIGHTS: z.enum(['int8', 'int4', 'f32'], oneOf),
  ENGINE_THREADS: optionalNumber(1, 64),
  ENGINE_ROWS: wholeNumber(1, 256),
  ENGINE_MEMORY_MB: optionalNumber(64, 16_777_216),
  ENGINE_REMOTE_URL: optional(
    z.string().regex(/^https?:\/\/[^\s@]+$/, 'an address like http://10.0.0.5:8000'),
  ),
  ENGINE_REMOTE_KEY: optional(z.string().regex(/^\S+$/, 'a key without spaces')),
  ENGINE_REMOTE_DIALECT: z.enum(['auto', 'openmodels', 'vllm', 'sglang', 'llamacpp'], oneOf),
  ENGINE_REMOTE_DATA_DIR: optional(z.string().min(1, 'a folder')),
  STARTER_GRANT_OPEN: amountOfOpen,
  CALL_BUDGET_OPEN: amountOfOpen,
  DAY_BUDGET_OPEN: z.union([z.literal('').transform(() => undefined), amountOfOpen]),
  CONVERSATION_BUDGET_OPEN: z.union([z.literal('').transform(() => undefined), amountOfOpen]),
  CHAIN_RPC_URL: optional(z.string().regex(/^https?:\/\/\S+$/, 'an address like https://rpc.example')),
  CHAIN_DEPLOYMENT: optional(z.string().min(1, 'a file')),
  CHAIN_KEYSTORE: optional(z.string().min(1, 'a file')),
  CHAIN_KEYSTORE_PASSWORD_FILE: optional(z.string().min(1, 'a file')),
  CHAIN_SIGNER_URL: optional(
    z.string().regex(/^https?:\/\/[^\s@]+$/, 'an address like https://keys.example'),
  ),
  CHAIN_SIGNER_TOKEN_FILE: optional(z.string().min(1, 'a file')),
  CHAIN_FINALITY: z
    .string()
    .regex(/^(finalized|[1-9]\d{0,3})$/, 'finalized, or a number of blocks from 1 to 9999'),
  CHAIN_MAX_FEE_GWEI: wholeNumber(1, 100_000),
  CHAIN_PORT: wholeNumber(0, 65_535),
  CHAIN_WALLET_RPC_URL: optional(
    z.string().regex(/^https?:\/\/[^\s@]+$/, 'an address like https://rpc.example'),
  ),
  CHAIN_EPOCH_MINUTES: optionalNumber(1, 100_000),
  CHAIN_REPLACE_MINUTES: wholeNumber(1, 1_440),
  PAYOUT_LEAST_OPEN: amountOfOpen,
  PLATFORM_WALLET: optional(z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'an address like 0x and 40 hex digits')),
  BOOKS_HOUR: wholeNumber(0, 23),
  REVIEWS_TO_AGREE: wholeNumber(1, 9),
  AUDIT_RETRAININGS: wholeNumber(2, 200),
  AUDIT_LDS_MIN: z
    .string()
    .regex(/^-?(0(\.\d{1,6})?|1(\.0{1,6})?)$/, 'a number from -1 to 1')
    .transform(Number),
  AUDIT_FIRST_MIN: partOfOne,
  AUDIT_CALLS_PERCENT: wholeNumber(0, 100),
  TRAIN_AFTER_ACCEPTED: wholeNumber(1, 1_000_000),
  TRAIN_PARALLEL: wholeNumber(1, 8),
  TRAIN_MEMORY_MB: optionalNumber(64, 16_777_216),
  TRAIN_MINUTES: optionalNumber(1, 100_000),
  TRAIN_PAIRS_MIN: wholeNumber(1, 1_000_000),
  TRAIN_VOTES_MIN: wholeNumber(2, 1_000_000),
  OPERATORS: z
    .string()
    .regex(
      /^(?:[a-z]+:\w+(?:\s*,\s*[a-z]+:\w+)*)?$/,
      'a list like discord:123456789,telegram:987654 (platform and user id)',
    )
    .transform((value) =>
      value
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    ),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
} satisfies Record<SettingName, z.ZodTypeAny>;

const schema = z.object(shape);

export type Settings = Readonly<z.output<typeof schema>>;

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads the settings from an environment.
 * @throws SettingsError that names each wrong setting and what it should be; a secret's value is never in the message.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const raw = Object.fromEntries(settings.map(({ name, fallback }) => [name, env[name]?.trim() || fallback]));
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const inner = issue.code === 'invalid_union' ? issue.unionErrors.at(-1)?.issues[0]?.message : undefined;
    return `  ${issue.path.join('.')} should be ${inner ?? issue.message}`;
  });
  throw new SettingsError(
    `These settings are wrong:\n${[...new Set(lines)].join('\n')}\nSee the table in README.md.`,
  );
}
