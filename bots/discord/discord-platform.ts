// Discord as a Platform: discord.js keeps the gateway and the REST buckets; raw events go through discord-inbound.ts, answers
// through the responder and sender. Used by main.ts and the conformance suite; it knows no commands beyond their
// definitions. Intents without message content: servers, their messages (only mentions carry text), direct messages.
// States: stopped → starting (login, registration) → running → stopped; start() may be called once.
import {
  type APIChannel,
  type APIInteraction,
  ApplicationCommandOptionType,
  ApplicationIntegrationType,
  Client,
  Events,
  GatewayIntentBits,
  type GatewayMessageCreateDispatchData,
  InteractionContextType,
  Options,
  Routes,
} from 'discord.js';
import { createPacer } from '../core/pacer.ts';
import type { BotLog, Capabilities, CommandDefinition, InboundHandler, Platform } from '../core/platform.ts';
import { shorten } from '../core/sanitize-text.ts';
import { PlatformFault } from '../errors.ts';
import type { DiscordConfig } from './discord-config.ts';
import { discordFault } from './discord-errors.ts';
import { placeOf } from './discord-ids.ts';
import { DISCORD, readInteraction, readMessage } from './discord-inbound.ts';
import { EDIT_INTERVAL_MS, MESSAGE_CHARS_MAX, OPTION_DESCRIPTION_CHARS_MAX } from './discord-limits.ts';
import { createMessageResponder, openInteraction } from './discord-responder.ts';
import { createDiscordSender } from './discord-sender.ts';

const CAPABILITIES: Capabilities = {
  forms: true,
  drafts: false,
  ephemeral: true,
  idempotentSends: true,
  pictures: true,
  messageCharsMax: MESSAGE_CHARS_MAX,
  editIntervalMs: EDIT_INTERVAL_MS,
};

/** What the bot calls itself to the gateway and REST address of a real or a local Discord. */
function createClient(config: DiscordConfig): Client {
  return new Client({
    intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages],
    makeCache: Options.cacheWithLimits({ MessageManager: 0 }),
    // Waiting and retrying are the pacer's, so that an intermediate edit never stands in the way of a final one.
    rest: { api: config.apiRoot, retries: 0, rejectOnRateLimit: () => true },
  });
}

/** Command definitions as Discord's registration payload. */
const registrationOf = (definitions: readonly CommandDefinition[]) =>
  definitions.map(({ name, description, options }) => ({
    name,
    description: shorten(description, OPTION_DESCRIPTION_CHARS_MAX),
    options: options.map((option) => ({
      type: ApplicationCommandOptionType.String,
      name: option.name,
      description: shorten(option.description, OPTION_DESCRIPTION_CHARS_MAX),
      required: option.required,
    })),
    integration_types: [ApplicationIntegrationType.GuildInstall],
    contexts: [InteractionContextType.Guild, InteractionContextType.BotDM],
  }));

export function createDiscordPlatform(config: DiscordConfig, { log }: { readonly log: BotLog }): Platform {
  const client = createClient(config);
  const { rest } = client;
  const pacer = createPacer({
    editIntervalMs: () => EDIT_INTERVAL_MS,
    onDropped: (fault) => log.info({ err: fault }, 'an intermediate edit was dropped'),
  });
  const applicationId = (): string => client.application?.id ?? '';
  const sender = createDiscordSender({ rest, pacer, applicationId });
  let definitions: readonly CommandDefinition[] = [];

  const onInteraction = async (raw: APIInteraction, handler: InboundHandler): Promise<void> => {
    const event = readInteraction(raw, definitions, Date.now());
    if (event === null) return;
    const responder = await openInteraction({ rest, sender }, event.facts);
    await handler(event.inbound, responder);
    await responder.settle();
  };

  const onMessage = async (raw: GatewayMessageCreateDispatchData, handler: InboundHandler): Promise<void> => {
    const event = readMessage(raw, client.user?.id ?? '', definitions);
    if (event !== null) await handler(event.inbound, createMessageResponder({ sender }, event));
  };

  const onRaw = (
    packet: { readonly t: string | null; readonly d: unknown },
    handler: InboundHandler,
  ): void => {
    const done =
      packet.t === 'INTERACTION_CREATE'
        ? onInteraction(packet.d as APIInteraction, handler)
        : packet.t === 'MESSAGE_CREATE'
          ? onMessage(packet.d as GatewayMessageCreateDispatchData, handler)
          : null;
    done?.catch((fault: unknown) =>
      log.error({ err: fault, type: packet.t }, 'a Discord event could not be answered'),
    );
  };

  /** The channel that only this person reads. */
  const privateChannel = async (channelId: string, userId: string): Promise<string> => {
    const body = { recipient_id: userId };
    return (await sender.call<APIChannel>(channelId, 'post', Routes.userChannels(), body)).id;
  };

  return {
    name: DISCORD,
    capabilities: CAPABILITIES,
    async start(handler, commands) {
      definitions = commands;
      client.on(Events.Error, (error) => log.error({ err: error }, 'discord.js reports an error'));
      client.on(Events.Raw as 'raw', (packet) => onRaw(packet, handler));
      const ready = new Promise<void>((resolve) => client.once(Events.ClientReady, () => resolve()));
      await pacer.must('login', async () => {
        try {
          await client.login(config.secret);
        } catch (error) {
          throw error instanceof Error && 'code' in error && error.code === 'TokenInvalid'
            ? new PlatformFault('Discord does not know this bot secret.', {
                code: 'bad_secret',
                retry: 'never',
                cause: error,
              })
            : discordFault(error);
        }
      });
      await ready;
      await sender.call(
        'registration',
        'put',
        Routes.applicationCommands(applicationId()),
        registrationOf(commands),
      );
    },
    async send(conversationId, reply, key) {
      const { channelId, userId } = placeOf(conversationId);
      const target = reply.ephemeral && userId !== null ? await privateChannel(channelId, userId) : channelId;
      return sender.sendToChannel({ channelId: target, reply, key });
    },
    async editMessage(message, reply) {
      await sender.edit(message, reply);
    },
    async stop() {
      await pacer.close();
      await client.destroy();
    },
  };
}
