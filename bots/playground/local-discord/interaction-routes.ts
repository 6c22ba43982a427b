// Routes by which a bot answers interactions: the callback, and the webhook that its token opens for 15 minutes.
// No bot token is needed here: the interaction token is the key. Used by discord-server.ts.

import { type Context, Hono } from 'hono';
import { discordFaults } from './discord-faults.ts';
import type { DiscordInteractions, StoredInteraction } from './discord-interactions.ts';
import { type RoutePace, readInput } from './discord-request.ts';
import { DISCORD_IDS, type Json } from './discord-shapes.ts';
import type { DiscordWorld } from './discord-world.ts';
import { EPHEMERAL } from './local-discord-limits.ts';

export function interactionRoutes(
  world: DiscordWorld,
  interactions: DiscordInteractions,
  pace: RoutePace,
): Hono {
  const routes = new Hono();
  const param = (context: Context, name: string): string => context.req.param(name) ?? '';
  const byToken = (context: Context): StoredInteraction => {
    if (param(context, 'app') !== DISCORD_IDS.application) throw discordFaults.unknownWebhook();
    const token = param(context, 'token');
    pace.take(context, `WEBHOOK:${token}`);
    return interactions.byToken(token);
  };

  routes.post('/interactions/:id/:token/callback', async (context) => {
    const done = interactions.callback(
      param(context, 'id'),
      param(context, 'token'),
      await readInput(context),
    );
    if (context.req.query('with_response') !== 'true') return context.body(null, 204);
    return context.json(callbackResponse(world, done));
  });
  routes.post('/webhooks/:app/:token', async (context) =>
    context.json(interactions.followUp(byToken(context), await readInput(context)).message),
  );
  routes.get('/webhooks/:app/:token/messages/:message', (context) =>
    context.json(interactions.messageOf(byToken(context), param(context, 'message')).message),
  );
  routes.patch('/webhooks/:app/:token/messages/:message', async (context) =>
    context.json(
      interactions.editMessage(byToken(context), param(context, 'message'), await readInput(context)).message,
    ),
  );
  routes.delete('/webhooks/:app/:token/messages/:message', (context) => {
    world.removeMessage(interactions.messageOf(byToken(context), param(context, 'message')));
    return context.body(null, 204);
  });
  return routes;
}

function callbackResponse(world: DiscordWorld, done: StoredInteraction): Json {
  const message = done.originalId === null ? undefined : world.stored(done.originalId)?.message;
  const isLoading = ((message?.flags ?? 0) & 128) !== 0;
  return {
    interaction: {
      id: done.id,
      type: done.type,
      ...(message
        ? {
            response_message_id: message.id,
            response_message_loading: isLoading,
            response_message_ephemeral: ((message.flags ?? 0) & EPHEMERAL) !== 0,
            channel_id: done.channelId,
          }
        : {}),
    },
    resource: { type: done.answeredBy, ...(message ? { message } : {}) },
  };
}
