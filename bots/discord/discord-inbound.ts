// Raw Discord gateway data as our events, with what is needed to answer them. Pure. Used by discord-platform.ts.
// Without the privileged message-content intent: slash commands, buttons, forms, direct messages and mentions of the bot.
// Everything else (other bots, other talk, autocomplete) becomes null.
import {
  type APIChatInputApplicationCommandInteraction,
  type APIInteraction,
  type APIMessage,
  type APIUser,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ChannelType,
  type GatewayMessageCreateDispatchData,
  InteractionContextType,
  InteractionType,
  MessageFlags,
} from 'discord.js';
import { actionOpensForm } from '../core/button-codec.ts';
import { parseCommand } from '../core/parse-command.ts';
import type { CommandDefinition, Inbound, Source } from '../core/platform.ts';
import { modalValues } from './discord-forms.ts';
import { conversationIdOf, messageRefOf } from './discord-ids.ts';
import { TOKEN_MS } from './discord-limits.ts';

export const DISCORD = 'discord';

/** How an interaction wants to be acknowledged: a reply to come, an update of its message, or not yet (a form comes). */
type Acknowledgement = 'reply' | 'update' | 'form';

export interface InteractionFacts {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: number;
  readonly channelId: string;
  readonly acknowledgement: Acknowledgement;
  /** A press belongs to a message: acknowledging it shows no "thinking…". */
  readonly isPress: boolean;
  /** The reply to come is for this person only. */
  readonly ephemeral: boolean;
  readonly isPrivate: boolean;
  /** The bot may also write to the channel by itself, so an expired token is no end. */
  readonly botInPlace: boolean;
}

interface InteractionEvent {
  readonly inbound: Inbound;
  readonly facts: InteractionFacts;
}

export interface MessageEvent {
  readonly inbound: Inbound;
  readonly channelId: string;
  /** Set in shared places: the message that is answered. */
  readonly replyTo: string | null;
}

const nameOf = (user: Pick<APIUser, 'username' | 'global_name'>, nick: string | null | undefined): string =>
  nick ?? user.global_name ?? user.username;

function argsOf(data: APIChatInputApplicationCommandInteraction['data']): Record<string, string> {
  const args: Record<string, string> = {};
  for (const option of data.options ?? []) {
    if (option.type === ApplicationCommandOptionType.String) args[option.name] = option.value;
  }
  return args;
}

function inboundOf(
  interaction: APIInteraction,
  source: Source,
  facts: Omit<InteractionFacts, 'acknowledgement' | 'ephemeral' | 'isPress'>,
): Inbound | null {
  const eventId = `${DISCORD}:i:${interaction.id}`;
  if (interaction.type === InteractionType.ApplicationCommand) {
    const { data } = interaction;
    if (data.type !== ApplicationCommandType.ChatInput) return null;
    const args = argsOf(data as APIChatInputApplicationCommandInteraction['data']);
    return { kind: 'command', eventId, source, name: data.name, args };
  }
  if (interaction.type === InteractionType.MessageComponent) {
    const ephemeral = ((interaction.message.flags ?? 0) & MessageFlags.Ephemeral) !== 0;
    const message = messageRefOf({
      channelId: facts.channelId,
      messageId: interaction.message.id,
      ephemeral,
      route:
        ephemeral || !facts.botInPlace
          ? { token: facts.token, expiresAt: facts.expiresAt, original: true }
          : null,
    });
    return { kind: 'press', eventId, source, action: interaction.data.custom_id, message };
  }
  if (interaction.type === InteractionType.ModalSubmit) {
    const values = modalValues(interaction.data.components);
    return { kind: 'form', eventId, source, action: interaction.data.custom_id, values };
  }
  return null;
}

function acknowledgementOf(inbound: Inbound, definitions: readonly CommandDefinition[], isPrivate: boolean) {
  if (inbound.kind === 'press') {
    return {
      acknowledgement: actionOpensForm(inbound.action) ? 'form' : 'update',
      ephemeral: !isPrivate,
    } as const;
  }
  const name = inbound.kind === 'command' ? inbound.name : null;
  const definition = definitions.find((each) => each.name === name);
  const onlyForYou = definition === undefined || definition.onlyForYou === true;
  return {
    acknowledgement: definition?.opensForm ? 'form' : 'reply',
    ephemeral: onlyForYou && !isPrivate,
  } as const;
}

/** A slash command, button press or submitted form; null for what we do not serve. */
export function readInteraction(
  interaction: APIInteraction,
  definitions: readonly CommandDefinition[],
  now: number,
): InteractionEvent | null {
  const user = interaction.member?.user ?? interaction.user;
  const channelId = interaction.channel?.id;
  if (user === undefined || channelId === undefined) return null;
  const isPrivate =
    interaction.guild_id === undefined &&
    (interaction.context === InteractionContextType.BotDM ||
      (interaction.context === undefined && interaction.channel?.type === ChannelType.DM));
  const source: Source = {
    platform: DISCORD,
    userId: user.id,
    displayName: nameOf(user, interaction.member?.nick),
    conversationId: conversationIdOf({ channelId, userId: isPrivate ? null : user.id }),
    isPrivate,
  };
  // Key "0" = installed to the server (or the bot's own direct messages); a personal installation has no way in.
  const owners: Readonly<Record<string, string | undefined>> = interaction.authorizing_integration_owners ?? {
    0: '',
  };
  const facts = {
    id: interaction.id,
    token: interaction.token,
    expiresAt: now + TOKEN_MS,
    channelId,
    isPrivate,
    botInPlace: isPrivate || (interaction.guild_id !== undefined && owners[0] !== undefined),
  };
  const inbound = inboundOf(interaction, source, facts);
  if (inbound === null) return null;
  return {
    inbound,
    facts: {
      ...facts,
      isPress: inbound.kind === 'press',
      ...acknowledgementOf(inbound, definitions, isPrivate),
    },
  };
}

const withoutMention = (message: Pick<APIMessage, 'content'>, botId: string): string =>
  message.content.replaceAll(new RegExp(`<@!?${botId}>`, 'g'), ' ').trim();

/** A direct message, or one that mentions the bot; null for all other talk. */
export function readMessage(
  message: GatewayMessageCreateDispatchData,
  botId: string,
  definitions: readonly CommandDefinition[],
): MessageEvent | null {
  const { author } = message;
  if (author.bot || message.webhook_id !== undefined) return null;
  const isPrivate = message.guild_id === undefined;
  if (!isPrivate && !message.mentions.some(({ id }) => id === botId)) return null;
  const text = withoutMention(message, botId);
  const source: Source = {
    platform: DISCORD,
    userId: author.id,
    displayName: nameOf(author, message.member?.nick),
    conversationId: conversationIdOf({ channelId: message.channel_id, userId: isPrivate ? null : author.id }),
    isPrivate,
  };
  const eventId = `${DISCORD}:m:${message.id}`;
  const command = parseCommand(text, definitions);
  const inbound: Inbound =
    command === null
      ? { kind: 'text', eventId, source, text }
      : { kind: 'command', eventId, source, name: command.name, args: command.args };
  return { inbound, channelId: message.channel_id, replyTo: isPrivate ? null : message.id };
}
