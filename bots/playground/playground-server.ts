// The playground: a local Discord, a local Telegram and a web chat page on one loopback port.
//
//   const playground = await startPlayground({ port: 0, dataDir: '.data/playground' });
//   new Client({ intents, rest: { api: playground.discordApiUrl } }).login(playground.discordToken);
//   new Bot(playground.telegramToken, { client: { apiRoot: playground.telegramApiRoot } });
//   console.log(playground.url);   // the page
//   await playground.stop();
//
// Strict where the real platforms are: lengths, expiry (3 s, 15 min, 30 s), 429 with retry_after, 409, privileged
// intents refused, unknown methods refused. Chats survive a killed process when `dataDir` is given. Used by
// bots/main.ts when no bot secret is set, and by tests. Must not know the bots that talk to it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { WebSocketServer } from 'ws';
import { openChatJournal } from './chat-journal.ts';
import { isForeign } from './foreign-request.ts';
import { createLiveFeed } from './live-feed.ts';
import { createDiscordGateway, type DiscordGateway } from './local-discord/discord-gateway.ts';
import { createDiscordPersonActs } from './local-discord/discord-person.ts';
import { createDiscordServer, type DiscordTrouble } from './local-discord/discord-server.ts';
import { DISCORD_IDS } from './local-discord/discord-shapes.ts';
import { createDiscordWorld } from './local-discord/discord-world.ts';
import { createTelegramServer, type TelegramTrouble } from './local-telegram/telegram-server.ts';
import { createTelegramWorld, TELEGRAM_BOT_ID } from './local-telegram/telegram-world.ts';
import { pageFiles } from './page-files.ts';
import { peopleRoutes, snapshotOf } from './people-routes.ts';
import { type PlaygroundClock, systemClock } from './playground-clock.ts';
import { createPlaygroundPeople } from './playground-people.ts';
import { createWireLog, type WireRecord } from './wire-log.ts';

interface PlaygroundOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where chats are kept; absent: in memory. */
  readonly dataDir?: string;
  readonly clock?: PlaygroundClock;
  /** The bot's name on both platforms. */
  readonly botName?: string;
  /** Its Telegram @name; must end in "bot". */
  readonly botUsername?: string;
  readonly guildName?: string;
  /** Pages of others on this port, by the path they stand at. */
  readonly extraRoutes?: Readonly<Record<string, Hono>>;
  /** False lets everything through at any speed; for tests of other things than pace. */
  readonly paceEnforced?: boolean;
  /** Whether Discord granted message content, member and presence intents; without, asking closes with 4014. */
  readonly privilegedIntents?: boolean;
}

export interface Playground {
  /** The page, e.g. http://127.0.0.1:4321/ */
  readonly url: string;
  readonly discordApiUrl: string;
  readonly discordToken: string;
  readonly discordApplicationId: string;
  readonly discordGuildId: string;
  readonly discordChannelId: string;
  readonly telegramApiRoot: string;
  readonly telegramToken: string;
  /** Levers for tests: lost answers, floods, dropped connections, repeated deliveries. */
  readonly levers: PlaygroundLevers;
  /** What crossed the wire lately, oldest first. */
  wire(): readonly WireRecord[];
  stop(): Promise<void>;
}

interface PlaygroundLevers {
  readonly telegram: TelegramTrouble & { redeliver(count: number): void };
  readonly discord: DiscordTrouble & Pick<DiscordGateway, 'drop' | 'redeliver'>;
}

const HOST = '127.0.0.1';
const TELEGRAM_TOKEN = `${TELEGRAM_BOT_ID}:playground-only-not-a-secret-000000`;
const DISCORD_TOKEN = 'playground.only.not-a-secret';

/** @throws when the port is taken */
export async function startPlayground(options: PlaygroundOptions = {}): Promise<Playground> {
  const { clock = systemClock, botName = 'OpenModels', paceEnforced = true } = options;
  const journal = openChatJournal(
    options.dataDir === undefined ? undefined : join(options.dataDir, 'chats.jsonl'),
  );
  const feed = createLiveFeed();
  const wire = createWireLog();
  const people = createPlaygroundPeople(journal.shelf('people'), (everyone) => {
    feed.publish(undefined, { kind: 'people', people: everyone });
  });
  const botUsername = options.botUsername ?? 'open_models_bot';
  const telegram = createTelegramWorld({ journal, feed, people, clock, botName, botUsername, paceEnforced });
  const guildName = options.guildName ?? 'Open Models';
  const discord = createDiscordWorld({ journal, feed, people, clock, botName, guildName, paceEnforced });

  let address = '';
  const gatewayUrl = () => `ws://${address}/discord/gateway`;
  const gateway = createDiscordGateway({
    world: discord,
    token: DISCORD_TOKEN,
    wire,
    resumeUrl: gatewayUrl,
    privilegedIntents: options.privilegedIntents ?? false,
  });
  discord.dispatch = gateway.dispatch;
  const discordServer = createDiscordServer({
    world: discord,
    journal,
    token: DISCORD_TOKEN,
    wire,
    baseUrl: () => `http://${address}/discord`,
    gatewayUrl,
  });
  const telegramServer = createTelegramServer(telegram, TELEGRAM_TOKEN, wire);
  const discordActs = createDiscordPersonActs(discord, discordServer.interactions);
  const deps = { people, telegram, discord, discordActs };

  const app = new Hono();
  app.use('*', async (context, next) => {
    if (isForeign(context.req.header('host'), context.req.header('origin')))
      return context.text('Forbidden', 403);
    return next();
  });
  app.onError((error, context) => {
    console.error('playground:', error);
    return context.json({ message: 'The playground itself failed.' }, 500);
  });
  app.route('/discord', discordServer.routes);
  app.route('/telegram', telegramServer.routes);
  app.route('/playground', peopleRoutes(deps));
  for (const [path, routes] of Object.entries(options.extraRoutes ?? {})) app.route(path, routes);
  app.route('/', pageFiles());

  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 });
  const server = createServer(getRequestListener(app.fetch));
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const person = people.byId(url.searchParams.get('person') ?? '');
    const isGateway = url.pathname.replace(/\/$/, '') === '/discord/gateway';
    const isLive = url.pathname === '/playground/live' && person !== undefined;
    if (isForeign(request.headers.host, request.headers.origin) || !(isGateway || isLive)) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      if (isGateway) {
        gateway.accept(webSocket);
      } else if (person) {
        const send = (event: unknown) => webSocket.send(JSON.stringify(event));
        send({ kind: 'snapshot', snapshot: snapshotOf(deps, person) });
        webSocket.on('close', feed.listen(person.id, send));
      }
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, HOST, resolve);
  });
  address = `${HOST}:${(server.address() as AddressInfo).port}`;

  return {
    url: `http://${address}/`,
    discordApiUrl: `http://${address}/discord/api`,
    discordToken: DISCORD_TOKEN,
    discordApplicationId: DISCORD_IDS.application,
    discordGuildId: DISCORD_IDS.guild,
    discordChannelId: DISCORD_IDS.channel,
    telegramApiRoot: `http://${address}/telegram`,
    telegramToken: TELEGRAM_TOKEN,
    levers: {
      telegram: { next: telegramServer.trouble.next, redeliver: telegram.updates.redeliver },
      discord: { next: discordServer.trouble.next, drop: gateway.drop, redeliver: gateway.redeliver },
    },
    wire: wire.entries,
    async stop() {
      gateway.stop();
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      journal.close();
    },
  };
}
