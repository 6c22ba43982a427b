// The composition root: it alone knows every folder, wires them, starts them in order and stops them in reverse.
// `npm start` runs it; tour.ts and end-to-end tests call startProgram. It decides nothing about models, money or chats.
// States: starting (each part says what it does) → running → stopping (on Ctrl-C, SIGTERM, or a part that failed to start).
import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { ChainFault } from '../contracts/client/chain.ts';
import { openNodeKey } from '../contracts/client/keystore.ts';
import { type StartedChain, startChain } from '../contracts/start-chain.ts';
import { type ConnectedDatabase, connectDatabase } from '../db/connect-database.ts';
import type { Database } from '../db/database.ts';
import { DatabaseFault } from '../db/errors.ts';
import { type Nano, openNano } from '../db/ledger/amount.ts';
import { markDeliverySent, pendingDeliveries, saveDelivery } from '../db/repositories/delivery-repository.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../engine/errors.ts';
import { createRemoteBackend } from '../engine/remote/remote-backend.ts';
import { folderOnServer, splitEngine } from '../engine/remote/split-engine.ts';
import { tellLoading } from '../engine/serve/load-progress.ts';
import { createLocalEngine } from '../engine/serve/local-engine.ts';
import { createMarketplace, type OwnedMarketplace } from '../marketplace/create-marketplace.ts';
import { NODE_OWNER, PLATFORM_OWNER } from '../marketplace/owners.ts';
import { createCommandHandler } from './commands/create-command-handler.ts';
import { createInterruptedResolver } from './commands/interrupted-answer.ts';
import { createNewsTeller } from './commands/news-teller.ts';
import { createDurableDelivery, type Delivery, type DeliveryStore } from './core/durable-delivery.ts';
import type { Platform } from './core/platform.ts';
import { createDiscordPlatform } from './discord/discord-platform.ts';
import { type LocalPages, noPages, startLocalPages } from './local-pages.ts';
import type { Playground } from './playground/playground-server.ts';
import { readSettings, type Settings, SettingsError } from './settings.ts';
import { createTelegramPlatform } from './telegram/telegram-platform.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (path: string): string => (isAbsolute(path) ? path : join(root, path));

/** The running whole, as tour.ts and tests need it. */
export interface Program {
  readonly marketplace: OwnedMarketplace;
  readonly engine: Engine;
  readonly database: ConnectedDatabase;
  /** Null when both bots talk to the real platforms. */
  readonly playground: Playground | null;
  /** The live page of trainings. Null without bots. */
  readonly trainingUrl: string | null;
  stop(): Promise<void>;
}

interface StartOptions {
  /** One line of progress for people. */
  readonly say: (line: string) => void;
  /** False: no bots and no playground, for commands that only need the marketplace. */
  readonly withBots?: boolean;
  /** Another program has taken the database: this one must stop. */
  readonly onReplaced?: () => void;
  /** Called first, with what stops the parts started so far: for a Ctrl-C while it starts. */
  readonly whileStarting?: (stop: () => Promise<void>) => void;
}

/** Parts that are running, newest last; stopping goes backwards and goes on when one of them fails. */
function createStopper(say: (line: string) => void) {
  const parts: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  return {
    add: (name: string, stop: () => Promise<void>): void => void parts.push({ name, stop }),
    async stop(): Promise<void> {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        await part
          .stop()
          .catch((fault: unknown) => say(`  ${part?.name} did not stop cleanly: ${String(fault)}`));
      }
    },
  };
}

/**
 * Starts everything on this machine.
 * @throws what the first part that could not start throws; the parts before it are stopped again.
 */
export async function startProgram(settings: Settings, options: StartOptions): Promise<Program> {
  const { say, withBots = true } = options;
  const dataDir = inRoot(settings.DATA_DIR);
  mkdirSync(dataDir, { recursive: true });
  const log = pino(
    { level: settings.LOG_LEVEL, redact: ['*.token', '*.secret', '*.password'] },
    pino.destination({ dest: join(dataDir, 'log.jsonl'), sync: false, mkdir: true }),
  );
  const stopper = createStopper(say);
  options.whileStarting?.(stopper.stop);
  try {
    stopper.add('log', async () => log.flush());
    say(
      settings.DATABASE_URL === undefined
        ? 'Starting the embedded Postgres …'
        : 'Connecting to the database …',
    );
    const database = await connectDatabase({
      databaseUrl: settings.DATABASE_URL,
      databaseOwnerUrl: settings.DATABASE_OWNER_URL,
      dataDir,
      log,
      // what only reads or tries one thing (the tour) may run beside the program
      ...(withBots ? { only: { onReplaced: options.onReplaced ?? (() => {}) } } : {}),
    });
    stopper.add('database', database.close);
    if (database.roleNotSeparated !== null)
      say(`  the database does not keep the ledger from this program: ${database.roleNotSeparated}`);

    const { chain, stop: stopChain } = await openChain(settings, { dataDir, log, say });
    stopper.add('chain', stopChain);

    const nodeKey = await openNodeKey(dataDir);
    say(`  receipts are signed by ${nodeKey.address}`);

    const engine = await startEngine(settings, { say, log, dataDir });
    stopper.add('engine', engine.close);

    say(
      'Opening the marketplace (the first start builds the demo model’s attribution store, about a minute) …',
    );
    const marketplace = await createMarketplace({
      db: database.db,
      databaseUrl: database.url,
      ownerUrl: database.ownerUrl,
      engine,
      chain,
      nodeKey,
      dataDir,
      demoDir: join(root, 'marketplace', 'demo'),
      log,
      say,
      settings: {
        starterGrantNano: openNano(settings.STARTER_GRANT_OPEN),
        callBudgetNano: openNano(settings.CALL_BUDGET_OPEN),
        dayBudgetNano: optionalNano(settings.DAY_BUDGET_OPEN),
        conversationBudgetNano: optionalNano(settings.CONVERSATION_BUDGET_OPEN),
        epochMs: (settings.CHAIN_EPOCH_MINUTES ?? epochMinutes(settings)) * 60_000,
        replaceAfterMs: settings.CHAIN_REPLACE_MINUTES * 60_000,
        payoutLeastNano: openNano(settings.PAYOUT_LEAST_OPEN),
        payoutWallets: walletsOf(settings.PLATFORM_WALLET),
        booksProofHourUtc: settings.BOOKS_HOUR,
        reviewsToAgree: settings.REVIEWS_TO_AGREE,
        auditSubsets: settings.AUDIT_RETRAININGS,
        auditLoco: Math.min(4, Math.floor(settings.AUDIT_RETRAININGS / 4)),
        auditLdsMin: settings.AUDIT_LDS_MIN,
        auditTop1Min: settings.AUDIT_FIRST_MIN,
        auditCallsPart: settings.AUDIT_CALLS_PERCENT / 100,
        trainAfterAccepted: settings.TRAIN_AFTER_ACCEPTED,
        trainParallel: settings.TRAIN_PARALLEL,
        trainMemoryMb: settings.TRAIN_MEMORY_MB,
        trainMinutes: settings.TRAIN_MINUTES,
        pairsMin: settings.TRAIN_PAIRS_MIN,
        votesMin: settings.TRAIN_VOTES_MIN,
        votesEachMin: Math.ceil(settings.TRAIN_VOTES_MIN / 5),
        operators: settings.OPERATORS,
      },
    });
    const { playground, trainingUrl } = withBots ? await startBots() : noPages;
    return { marketplace, engine, database, playground, trainingUrl, stop: stopper.stop };

    async function startBots(): Promise<LocalPages> {
      const pages = await startLocalPages(settings, dataDir, marketplace);
      stopper.add('pages', pages.stop);
      const platforms = chosenPlatforms(settings, pages.playground, log);
      const delivery = createDurableDelivery({
        store: deliveryStore(database.db),
        platforms: () => platforms,
        resolveInterrupted: createInterruptedResolver(marketplace),
        log,
      });
      const handler = createCommandHandler({
        marketplace,
        delivery,
        log,
        ...(pages.walletPageUrl === null ? {} : { walletPageUrl: pages.walletPageUrl }),
      });
      for (const platform of platforms) {
        say(`Connecting the ${platform.name} bot …`);
        stopper.add(platform.name, platform.stop);
        await platform.start(handler.handle, handler.definitions);
      }
      stopper.add('delivery', delivery.stop);
      // The marketplace stops first: an answer it breaks off costs nothing, one that Stop ends costs what was written.
      stopper.add('handler', handler.stop);
      stopper.add('marketplace', marketplace.stop);
      await marketplace.start(createNewsTeller(() => platforms));
      await delivery.start();
      return pages;
    }
  } catch (fault) {
    await stopper.stop();
    throw fault;
  }
}

/** On the practice chain nobody pays for gas, and people watch. */
const epochMinutes = ({ CHAIN_RPC_URL: rpcUrl }: Settings): number => (rpcUrl === undefined ? 5 : 60);

const walletsOf = (address: string | undefined): Readonly<Record<string, string>> =>
  address === undefined
    ? {}
    : { [PLATFORM_OWNER]: address.toLowerCase(), [NODE_OWNER]: address.toLowerCase() };

const optionalNano = (open: string | undefined): Nano | null => (open === undefined ? null : openNano(open));

interface Surroundings {
  readonly say: (line: string) => void;
  readonly log: pino.Logger;
  readonly dataDir: string;
}

/** The local chain, a real one by its settings, or none with the reason told. @throws SettingsError */
async function openChain(settings: Settings, { dataDir, log, say }: Surroundings): Promise<StartedChain> {
  say(settings.CHAIN_RPC_URL === undefined ? 'Starting the local chain …' : 'Connecting to the chain …');
  try {
    const started = await startChain({
      dataDir,
      settings: {
        rpcUrl: settings.CHAIN_RPC_URL,
        deployment: settings.CHAIN_DEPLOYMENT,
        keystore: settings.CHAIN_KEYSTORE,
        keystorePasswordFile: settings.CHAIN_KEYSTORE_PASSWORD_FILE,
        signerUrl: settings.CHAIN_SIGNER_URL,
        signerTokenFile: settings.CHAIN_SIGNER_TOKEN_FILE,
        finality: settings.CHAIN_FINALITY,
        maxFeeGwei: settings.CHAIN_MAX_FEE_GWEI,
        port: settings.CHAIN_PORT,
        walletRpcUrl: settings.CHAIN_WALLET_RPC_URL,
      },
      environment: process.env,
      log,
      say: (line) => say(`  ${line}`),
    });
    if (started.reason !== undefined) say(`  ${started.reason}`);
    return started;
  } catch (fault) {
    if (!(fault instanceof ChainFault)) throw fault;
    throw new SettingsError(fault.message);
  }
}

/** Answers come from this machine or from another one; training, evaluation and attribution stay here in either case. */
async function startEngine(settings: Settings, { say, log, dataDir }: Surroundings): Promise<Engine> {
  const { ENGINE_REMOTE_URL: url, ENGINE_MEMORY_MB: memoryMb } = settings;
  say(url === undefined ? 'Loading the base model …' : `Reading the base model; ${url} will answer …`);
  const local = await createLocalEngine({
    baseDir: inRoot(settings.ENGINE_BASE_DIR),
    servesLater: url !== undefined,
    threads: settings.ENGINE_THREADS,
    device: settings.ENGINE_DEVICE,
    weights: settings.ENGINE_WEIGHTS,
    rowsMax: settings.ENGINE_ROWS,
    memoryBytesMax: memoryMb === undefined ? undefined : memoryMb * 2 ** 20,
    onProgress: tellLoading(say),
    log: (line) => log.warn({ part: 'engine' }, line),
    inform: (line) => log.info({ part: 'engine' }, line),
  });
  if (url === undefined) return local;
  const { ENGINE_REMOTE_DIALECT: dialect, ENGINE_REMOTE_DATA_DIR: theirs } = settings;
  try {
    const remote = await createRemoteBackend({
      url,
      key: settings.ENGINE_REMOTE_KEY,
      dialect: dialect === 'auto' ? undefined : dialect,
      serverDir: theirs === undefined ? undefined : folderOnServer(dataDir, theirs),
      countLocally: local.countPromptTokens,
    });
    return splitEngine(local, remote);
  } catch (fault) {
    await local.close();
    if (!(fault instanceof EngineError)) throw fault;
    throw new SettingsError(`ENGINE_REMOTE_URL ${url} cannot be used: ${fault.message}`);
  }
}

function chosenPlatforms(
  settings: Settings,
  local: Playground | null,
  log: pino.Logger,
): readonly Platform[] {
  const discord = settings.DISCORD_BOT_SECRET ?? local?.discordToken;
  const telegram = settings.TELEGRAM_BOT_SECRET ?? local?.telegramToken;
  const localDiscord = settings.DISCORD_BOT_SECRET === undefined ? local?.discordApiUrl : undefined;
  const localTelegram = settings.TELEGRAM_BOT_SECRET === undefined ? local?.telegramApiRoot : undefined;
  const platforms: Platform[] = [];
  if (discord !== undefined)
    platforms.push(createDiscordPlatform({ secret: discord, apiRoot: localDiscord }, { log }));
  if (telegram !== undefined)
    platforms.push(createTelegramPlatform({ secret: telegram, apiRoot: localTelegram }, { log }));
  return platforms;
}

/** The outbox table, in the words of the delivery. */
function deliveryStore(db: Database): DeliveryStore {
  return {
    save: (key, delivery) => saveDelivery(db, { key, platform: delivery.platform, payload: { ...delivery } }),
    markSent: (key, message) => markDeliverySent(db, key, message),
    pending: async () =>
      (await pendingDeliveries(db)).map(({ key, payload }) => ({
        key,
        delivery: payload as unknown as Delivery,
      })),
  };
}

/** A second Ctrl-C this long after the first ends the program at once. */
const IMPATIENT_MS = 1_500;

async function main(): Promise<void> {
  const say = (line: string): void => console.log(line);
  const onReplaced = (): never => {
    say('\nAnother program works on this database now: this one ends, its answers under way cost nothing.');
    process.exit(1);
  };
  let stopAll = async (): Promise<void> => {};
  let stoppingSince = 0;
  const stop = (): void => {
    // One Ctrl-C arrives several times: from the terminal, from npm and from boot.mjs. A later one does not wait.
    if (stoppingSince > 0) {
      if (Date.now() - stoppingSince > IMPATIENT_MS) process.exit(130);
      return;
    }
    stoppingSince = Date.now();
    say('\nStopping …');
    void stopAll().then(() => {
      say('Stopped.');
      process.exit(0);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  const whileStarting = (stopParts: () => Promise<void>): void => {
    stopAll = stopParts;
  };
  const program = await startProgram(readSettings(process.env), { say, onReplaced, whileStarting }).catch(
    async (fault: unknown) => {
      // a part that was starting while everything stops fails for that reason: nobody wants to read of it
      if (stoppingSince > 0) await new Promise(() => {});
      throw fault;
    },
  );
  stopAll = program.stop;
  say(
    program.playground === null
      ? '\nBoth bots are online on the real platforms.'
      : `\nThe playground is open: ${program.playground.url}\nPick a person and talk to the bot as in Telegram (left) and as in Discord (right).`,
  );
  say(`Trainings, live: ${program.trainingUrl}`);
  say('Ctrl-C stops everything.');
}

if (import.meta.main) {
  main().catch((fault: unknown) => {
    // What a person can mend is told in a sentence; anything else with where it happened.
    const known =
      fault instanceof SettingsError ||
      fault instanceof EngineError ||
      fault instanceof DatabaseFault ||
      fault instanceof ChainFault;
    console.error(known ? fault.message : fault);
    process.exit(1);
  });
}
