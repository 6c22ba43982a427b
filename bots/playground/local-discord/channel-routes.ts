// Routes about channels, messages, threads, typing and reactions, for a bot with its token. Used by discord-server.ts.

import { type Context, Hono } from 'hono';
import { collectProblems, discordFaults } from './discord-faults.ts';
import { type AttachmentStore, editBotMessage, postBotMessage } from './discord-messages.ts';
import { type RoutePace, readInput } from './discord-request.ts';
import {
  DISCORD_IDS,
  isThread,
  type Json,
  type StoredChannel,
  type StoredDiscordMessage,
} from './discord-shapes.ts';
import type { DiscordWorld } from './discord-world.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';

export function channelRoutes(world: DiscordWorld, store: AttachmentStore, pace: RoutePace): Hono {
  const routes = new Hono();
  const oldEdits = new Map<string, number[]>();
  const channelOf = (context: Context): StoredChannel => world.channel(context.req.param('channel') ?? '');
  const messageOf = (context: Context): StoredDiscordMessage =>
    world.message(channelOf(context).id, context.req.param('message') ?? '');
  const paced = (context: Context, kind: string) =>
    pace.take(context, `${kind}:${context.req.param('channel')}`);

  /** Edits of messages older than an hour have a small allowance of their own. */
  const countOldEdit = (stored: StoredDiscordMessage) => {
    const now = world.clock.now();
    const channelId = stored.message.channel_id;
    if (!world.paceEnforced || now - Date.parse(stored.message.timestamp) < DISCORD_LIMITS.oldMessageMs)
      return;
    const recent = (oldEdits.get(channelId) ?? []).filter((at) => at > now - 60_000);
    if (recent.length >= DISCORD_LIMITS.oldMessageEdits) throw discordFaults.oldEdits();
    oldEdits.set(channelId, [...recent, now]);
  };

  routes.get('/channels/:channel', (context) => context.json(world.channelJson(channelOf(context))));
  routes.patch('/channels/:channel', async (context) => {
    const channel = channelOf(context);
    const { body } = await readInput(context);
    if (!isThread(channel)) throw discordFaults.missingPermissions();
    const next = {
      ...channel,
      ...(typeof body.name === 'string' ? { name: body.name } : {}),
      ...(typeof body.archived === 'boolean' ? { archived: body.archived } : {}),
      ...(typeof body.locked === 'boolean' ? { locked: body.locked } : {}),
    };
    world.saveChannel(next);
    return context.json(world.channelJson(next));
  });

  routes.get('/channels/:channel/messages', (context) => {
    const { id } = channelOf(context);
    const limit = Math.min(100, Math.max(1, Number(context.req.query('limit') ?? 50)));
    const { before, after } = context.req.query();
    const list = world
      .messagesIn(id)
      .map(({ message }) => message)
      .filter((message) =>
        before ? BigInt(message.id) < BigInt(before) : after ? BigInt(message.id) > BigInt(after) : true,
      );
    return context.json((after ? list.slice(0, limit) : list.slice(-limit)).reverse());
  });
  routes.post('/channels/:channel/messages', async (context) => {
    const channel = channelOf(context);
    const input = await readInput(context);
    paced(context, 'CREATE_MESSAGE');
    if (String(input.body.nonce ?? '').length > DISCORD_LIMITS.nonceChars) {
      const problems = collectProblems();
      problems.add(
        'nonce',
        'NONCE_TYPE_TOO_LONG',
        `Must be ${DISCORD_LIMITS.nonceChars} or fewer in length.`,
      );
      problems.check();
    }
    return context.json(postBotMessage(world, store, channel, input).message);
  });
  routes.get('/channels/:channel/messages/:message', (context) => context.json(messageOf(context).message));
  routes.patch('/channels/:channel/messages/:message', async (context) => {
    const stored = messageOf(context);
    const input = await readInput(context);
    paced(context, 'EDIT_MESSAGE');
    countOldEdit(stored);
    return context.json(
      editBotMessage(world, store, stored, input, { isInteraction: false, edited: true }).message,
    );
  });
  routes.delete('/channels/:channel/messages/:message', (context) => {
    const stored = messageOf(context);
    paced(context, 'DELETE_MESSAGE');
    world.removeMessage(stored);
    return context.body(null, 204);
  });

  routes.post('/channels/:channel/typing', (context) => {
    paced(context, 'TYPING');
    world.setTyping(channelOf(context).id, true);
    return context.body(null, 204);
  });
  routes.on(['PUT', 'DELETE'], '/channels/:channel/messages/:message/reactions/:emoji/@me', (context) => {
    const stored = messageOf(context);
    paced(context, 'REACTION');
    const name = context.req.param('emoji');
    const others = (stored.message.reactions ?? []).filter((reaction) => reaction.emoji.name !== name);
    const added = {
      emoji: { id: null, name },
      count: 1,
      me: true,
      me_burst: false,
      burst_me: false,
      burst_count: 0,
      burst_colors: [],
      count_details: { burst: 0, normal: 1 },
    };
    const reactions = context.req.method === 'PUT' ? [...others, added] : others;
    world.saveMessage({ ...stored, message: { ...stored.message, reactions } }, 'MESSAGE_UPDATE');
    return context.body(null, 204);
  });

  const createThread = (parent: StoredChannel, body: Json, id: string, type: number): StoredChannel => {
    const problems = collectProblems();
    const name = body.name;
    if (typeof name !== 'string' || name.trim() === '')
      problems.add('name', 'BASE_TYPE_REQUIRED', 'This field is required');
    else if (name.length > DISCORD_LIMITS.threadNameChars)
      problems.badLength('name', 1, DISCORD_LIMITS.threadNameChars);
    problems.check();
    const thread: StoredChannel = {
      id,
      type,
      name: String(name),
      parent_id: parent.id,
      archived: false,
      ownerId: DISCORD_IDS.application,
      personId: null,
      createdAt: world.now(),
      lastMessageId: null,
      locked: false,
      autoArchiveMinutes: Number(body.auto_archive_duration ?? 1440),
    };
    world.saveChannel(thread);
    return thread;
  };
  routes.post('/channels/:channel/threads', async (context) => {
    const parent = channelOf(context);
    const { body } = await readInput(context);
    if (parent.type !== 0) throw discordFaults.missingAccess();
    const thread = createThread(parent, body, world.newId(), body.type === 11 ? 11 : 12);
    return context.json(world.channelJson(thread), 201);
  });
  routes.post('/channels/:channel/messages/:message/threads', async (context) => {
    const parent = channelOf(context);
    const stored = messageOf(context);
    const { body } = await readInput(context);
    if (parent.type !== 0 || stored.ephemeralTo !== null) throw discordFaults.missingAccess();
    if (world.channels().some((channel) => channel.id === stored.message.id))
      throw discordFaults.threadExists();
    const thread = createThread(parent, body, stored.message.id, 11);
    const message = {
      ...stored.message,
      thread: world.channelJson(thread),
      flags: (stored.message.flags ?? 0) | 32,
    };
    world.saveMessage({ ...stored, message }, 'MESSAGE_UPDATE');
    return context.json(world.channelJson(thread), 201);
  });
  routes.on(['PUT', 'DELETE'], '/channels/:channel/thread-members/:user', (context) => {
    channelOf(context);
    return context.body(null, 204);
  });
  return routes;
}
