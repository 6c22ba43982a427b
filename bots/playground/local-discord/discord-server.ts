// The HTTP face of the local Discord: /api/v10/… for the bot and /cdn/… for attachments. discord.js talks to it
// unmodified through `rest.api`. Checks the bot token, records every request on the wire log, turns DiscordFault into
// JSON. Rules live in the route files and below.

import { type Context, Hono } from 'hono';
import type { ChatJournal } from '../chat-journal.ts';
import { cutOff } from '../cut-off.ts';
import { pngSize } from '../png-size.ts';
import type { WireLog } from '../wire-log.ts';
import { accountRoutes } from './account-routes.ts';
import { channelRoutes } from './channel-routes.ts';
import { DiscordFault, discordFaults } from './discord-faults.ts';
import { createDiscordInteractions, type DiscordInteractions } from './discord-interactions.ts';
import type { AttachmentStore } from './discord-messages.ts';
import { createRoutePace } from './discord-request.ts';
import type { DiscordWorld } from './discord-world.ts';
import { interactionRoutes } from './interaction-routes.ts';

export interface DiscordTrouble {
  /** Of the next requests whose "VERB /path" contains `part`: refuse with a 5xx, or carry out and cut the answer off. */
  next(part: string, kind: 'server_error' | 'lost_response', count: number): void;
}

interface DiscordServer {
  readonly routes: Hono;
  readonly interactions: DiscordInteractions;
  readonly trouble: DiscordTrouble;
}

interface DiscordServerDeps {
  readonly world: DiscordWorld;
  readonly journal: ChatJournal;
  readonly token: string;
  readonly wire: WireLog;
  readonly baseUrl: () => string;
  readonly gatewayUrl: () => string;
}

interface StoredUpload {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly base64: string;
}

const PNG = 'image/png';

export function createDiscordServer(deps: DiscordServerDeps): DiscordServer {
  const { world, journal, token, wire } = deps;
  const uploads = journal.shelf<StoredUpload>('discord.uploads');
  const store: AttachmentStore = {
    save(channelId, { name, type, bytes }) {
      const id = world.newId();
      const filename = name.replace(/[^\w.-]+/g, '_') || 'file';
      uploads.set(id, { id, name: filename, type, base64: Buffer.from(bytes).toString('base64') });
      const url = `${deps.baseUrl()}/cdn/attachments/${channelId}/${id}/${encodeURIComponent(filename)}`;
      // As Discord does, what a file is is seen from its bytes, not from what the sender called it.
      const picture = pngSize(bytes);
      const kind = picture === null ? { content_type: type } : { content_type: PNG, ...picture };
      return { id, filename, size: bytes.byteLength, url, proxy_url: url, ...kind };
    },
  };
  const interactions = createDiscordInteractions(world, journal.shelf('discord.interactions'), store);
  const pace = createRoutePace(world.clock, world.paceEnforced);
  const planned: { part: string; kind: 'server_error' | 'lost_response'; left: number }[] = [];

  const api = new Hono();
  api.onError((error, context) => {
    if (!(error instanceof DiscordFault)) throw error;
    return context.json(error.body, error.status as 400);
  });
  api.use('*', async (context, next) => {
    const what = `${context.req.method} ${context.req.path.replace(/^.*\/api\/v\d+/, '')}`;
    const body = await bodyForLog(context);
    const trouble = planned.find((plan) => plan.left > 0 && what.includes(plan.part));
    if (trouble) trouble.left -= 1;
    const isTokenRoute = /\/(interactions|webhooks)\//.test(context.req.path);
    if (trouble?.kind === 'server_error') {
      context.res = context.json({ message: '503: Service Unavailable', code: 0 }, 503);
    } else if (!isTokenRoute && context.req.header('authorization') !== `Bot ${token}`) {
      const { body: refusal, status } = discordFaults.unauthorized();
      context.res = context.json(refusal, status as 401);
    } else {
      await next();
    }
    const answer = await answerForLog(context);
    wire.record({ platform: 'discord', direction: 'in', what, body, status: context.res.status, answer });
    if (trouble?.kind === 'lost_response') context.res = cutOff(context);
    return undefined;
  });
  api.route('/', accountRoutes(world, deps.gatewayUrl));
  api.route('/', channelRoutes(world, store, pace));
  api.route('/', interactionRoutes(world, interactions, pace));
  api.all('*', (context) => {
    const { body, status } = discordFaults.notFound();
    return context.json(body, status as 404);
  });

  const routes = new Hono();
  routes.route('/api/v10', api);
  routes.get('/cdn/attachments/:channel/:id/:name', (context) => {
    const upload = uploads.get(context.req.param('id'));
    if (upload === undefined) return context.text('Not Found', 404);
    const bytes = Buffer.from(upload.base64, 'base64');
    // Never shown in the page's own origin as a document: always a download; a picture may be drawn by the page.
    return context.body(bytes, 200, {
      'Content-Type': pngSize(bytes) === null ? 'application/octet-stream' : PNG,
      'X-Content-Type-Options': 'nosniff',
      'Content-Disposition': `attachment; filename="${upload.name}"`,
    });
  });
  return {
    routes,
    interactions,
    trouble: { next: (part, kind, count) => void planned.push({ part, kind, left: count }) },
  };
}

async function bodyForLog(context: Context): Promise<unknown> {
  const type = context.req.header('content-type') ?? '';
  if (!type.startsWith('application/json')) return type === '' ? null : `(${type.split(';')[0]})`;
  try {
    return await context.req.json();
  } catch {
    return null;
  }
}

async function answerForLog(context: Context): Promise<unknown> {
  if (context.res.status === 204) return null;
  try {
    return await context.res.clone().json();
  } catch {
    return null;
  }
}
