// Routes about the bot itself, its commands, people and the guild. Used by discord-server.ts.

import { type Context, Hono } from 'hono';
import { checkCommands } from './command-checks.ts';
import { asObjects } from './component-checks.ts';
import { discordFaults } from './discord-faults.ts';
import { findUser } from './discord-messages.ts';
import { readInput } from './discord-request.ts';
import { DISCORD_IDS, everyoneRole, guildObject, type Json, memberOf } from './discord-shapes.ts';
import type { DiscordWorld, StoredCommand } from './discord-world.ts';

export function accountRoutes(world: DiscordWorld, gatewayUrl: () => string): Hono {
  const routes = new Hono();
  const guild = (context: Context): void => {
    if (context.req.param('guild') !== DISCORD_IDS.guild) throw discordFaults.unknownGuild();
  };

  routes.get('/gateway', (context) => context.json({ url: gatewayUrl() }));
  routes.get('/gateway/bot', (context) =>
    context.json({
      url: gatewayUrl(),
      shards: 1,
      session_start_limit: { total: 1000, remaining: 1000, reset_after: 14_400_000, max_concurrency: 1 },
    }),
  );
  routes.get('/users/:user', (context) => {
    const id = context.req.param('user');
    const user = id === '@me' ? world.bot : findUser(world, id);
    if (user === undefined) throw discordFaults.unknownUser();
    return context.json(user);
  });
  routes.post('/users/@me/channels', async (context) => {
    const { body } = await readInput(context);
    const person = world.people.byDiscordId(String(body.recipient_id));
    if (person === undefined) throw discordFaults.unknownUser();
    return context.json(world.channelJson(world.dmOf(person)));
  });
  const application = {
    id: DISCORD_IDS.application,
    name: world.bot.username,
    icon: null,
    description: '',
    bot_public: true,
    bot_require_code_grant: false,
    verify_key: '0'.repeat(64),
    flags: 0,
  };
  routes.get('/applications/@me', (context) => context.json({ ...application, bot: world.bot }));
  routes.get('/oauth2/applications/@me', (context) => context.json({ ...application, bot: world.bot }));

  routes.get('/guilds/:guild', (context) => {
    guild(context);
    return context.json(guildObject(world.guildName));
  });
  routes.get('/guilds/:guild/channels', (context) => {
    guild(context);
    return context.json(
      world
        .channels()
        .filter(({ type }) => type === 0)
        .map(world.channelJson),
    );
  });
  routes.get('/guilds/:guild/roles', (context) => {
    guild(context);
    return context.json([everyoneRole]);
  });
  routes.get('/guilds/:guild/members/:user', (context) => {
    guild(context);
    const user = findUser(world, context.req.param('user'));
    if (user === undefined) throw discordFaults.unknownMember();
    return context.json(memberOf(user as unknown as Json));
  });

  for (const base of ['/applications/:app/commands', '/applications/:app/guilds/:guild/commands'] as const) {
    const scope = (context: Context): string | null => {
      if (context.req.param('app') !== DISCORD_IDS.application) throw discordFaults.missingAccess();
      if (context.req.param('guild') !== undefined) guild(context);
      return context.req.param('guild') ?? null;
    };
    const inScope = (guildId: string | null): StoredCommand[] =>
      world.commands().filter((known) => known.guild_id === guildId);
    const one = (context: Context): StoredCommand => {
      const found = inScope(scope(context)).find((known) => known.id === context.req.param('command'));
      if (found === undefined) throw discordFaults.unknownCommand();
      return found;
    };
    routes.get(base, (context) => context.json(inScope(scope(context)).map(({ raw }) => raw)));
    routes.put(base, async (context) => {
      const guildId = scope(context);
      const list = asObjects((await readInput(context)).body);
      const checked = checkCommands(list, guildId, world.newId);
      // An unchanged name keeps its id, as with Discord's bulk overwrite.
      const kept = checked.map((command) => {
        const known = inScope(guildId).find((old) => old.name === command.name && old.type === command.type);
        return known ? { ...command, id: known.id, raw: { ...command.raw, id: known.id } } : command;
      });
      world.replaceCommands(guildId, kept);
      return context.json(kept.map(({ raw }) => raw));
    });
    routes.post(base, async (context) => {
      const guildId = scope(context);
      const [command] = checkCommands([(await readInput(context)).body], guildId, world.newId);
      const others = inScope(guildId).filter(
        (known) => known.name !== command.name || known.type !== command.type,
      );
      world.replaceCommands(guildId, [...others, command]);
      return context.json(command.raw, 201);
    });
    routes.get(`${base}/:command`, (context) => context.json(one(context).raw));
    routes.delete(`${base}/:command`, (context) => {
      const gone = one(context);
      world.replaceCommands(
        gone.guild_id,
        inScope(gone.guild_id).filter((known) => known.id !== gone.id),
      );
      return context.body(null, 204);
    });
  }
  return routes;
}
