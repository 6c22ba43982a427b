// Everything the local Discord knows: one guild with a channel, a DM per person, threads, messages, commands.
// State and who may see what; the bot's requests come through the route files, people's acts through
// discord-person.ts. Each change goes to the page (live feed) and to the bot (gateway), in that order.

import type { ChatJournal } from '../chat-journal.ts';
import type { LiveFeed } from '../live-feed.ts';
import type { DiscordModalView, DiscordView, PersonView, SlashCommandView } from '../page/view-types.ts';
import type { PlaygroundClock } from '../playground-clock.ts';
import type { PlaygroundPeople } from '../playground-people.ts';
import { discordFaults } from './discord-faults.ts';
import {
  botUser,
  channelObject,
  DISCORD_IDS,
  isThread,
  type Json,
  personUser,
  type StoredChannel,
  type StoredDiscordMessage,
  type WireMessage,
} from './discord-shapes.ts';
import { DISCORD_LIMITS, INTENTS } from './local-discord-limits.ts';

/** Sends an event to every gateway session that asked for `intent` (0 = always). */
type Dispatch = (event: string, data: Json, intent: number) => void;

export interface StoredCommand extends SlashCommandView {
  readonly guild_id: string | null;
  readonly contexts?: readonly number[] | null;
  readonly raw: Json;
}

export interface DiscordWorld {
  readonly clock: PlaygroundClock;
  readonly people: PlaygroundPeople;
  readonly bot: Json & { readonly id: string; readonly username: string };
  readonly guildName: string;
  readonly paceEnforced: boolean;
  dispatch: Dispatch;
  newId(): string;
  now(): string;
  channels(): StoredChannel[];
  /** @throws 10003 */
  channel(id: string): StoredChannel;
  dmOf(person: PersonView): StoredChannel;
  channelJson(channel: StoredChannel): Json;
  saveChannel(channel: StoredChannel): void;
  canSee(person: PersonView, channel: StoredChannel): boolean;
  stored(messageId: string): StoredDiscordMessage | undefined;
  /** @throws 10008 */
  message(channelId: string, messageId: string): StoredDiscordMessage;
  messagesIn(channelId: string): StoredDiscordMessage[];
  saveMessage(stored: StoredDiscordMessage, event: 'MESSAGE_CREATE' | 'MESSAGE_UPDATE'): void;
  removeMessage(stored: StoredDiscordMessage): void;
  commands(): StoredCommand[];
  replaceCommands(guildId: string | null, commands: readonly StoredCommand[]): void;
  setTyping(channelId: string, typing: boolean): void;
  setModal(person: PersonView, modal: DiscordModalView | null): void;
  modalOf(person: PersonView): DiscordModalView | null;
  setOnline(online: boolean): void;
  notice(person: PersonView, text: string, messageId?: string): void;
  /** The bot has reacted to what the person did. */
  answered(person: PersonView): void;
  view(person: PersonView): DiscordView;
}

interface DiscordWorldDeps {
  readonly journal: ChatJournal;
  readonly feed: LiveFeed;
  readonly people: PlaygroundPeople;
  readonly clock: PlaygroundClock;
  readonly botName: string;
  readonly guildName: string;
  readonly paceEnforced: boolean;
}

const DISCORD_EPOCH_MS = 1_420_070_400_000;

export function createDiscordWorld(deps: DiscordWorldDeps): DiscordWorld {
  const { journal, feed, people, clock } = deps;
  const channels = journal.shelf<StoredChannel>('discord.channels');
  const messages = journal.shelf<StoredDiscordMessage>('discord.messages');
  const commands = journal.shelf<StoredCommand>('discord.commands');
  const ephemeral = new Map<string, StoredDiscordMessage>();
  const typing = new Map<string, () => void>();
  const modals = new Map<string, DiscordModalView>();
  let online = false;
  let lastId = 0n;

  const publishTo = (channel: StoredChannel, event: Parameters<LiveFeed['publish']>[1]) => {
    for (const person of people.all()) if (world.canSee(person, channel)) feed.publish(person.id, event);
  };
  const shownTypingTo = (person: PersonView) =>
    [...typing.keys()].filter((id) => {
      const channel = channels.get(id);
      return channel !== undefined && world.canSee(person, channel);
    });
  const publishTyping = () => {
    for (const person of people.all()) {
      feed.publish(person.id, { kind: 'discord.state', state: { typing: shownTypingTo(person) } });
    }
  };
  const channelRecord = (
    given: Partial<StoredChannel> & { id: string; type: number; name: string },
  ): StoredChannel => ({
    parent_id: null,
    archived: false,
    ownerId: null,
    personId: null,
    createdAt: world.now(),
    lastMessageId: null,
    locked: false,
    autoArchiveMinutes: 1440,
    ...given,
  });

  const world: DiscordWorld = {
    clock,
    people,
    bot: botUser(deps.botName),
    guildName: deps.guildName,
    paceEnforced: deps.paceEnforced,
    dispatch: () => {},
    newId() {
      const next = BigInt(Math.floor(clock.now()) - DISCORD_EPOCH_MS) << 22n;
      lastId = next > lastId ? next : lastId + 1n;
      return String(lastId);
    },
    now: () => new Date(clock.now()).toISOString().replace('Z', '000+00:00'),
    channels: () => channels.values(),
    channel(id) {
      const channel = channels.get(id);
      if (channel === undefined) throw discordFaults.unknownChannel();
      return channel;
    },
    dmOf(person) {
      const id = String(BigInt(person.discordId) + 1_000_000n);
      const known = channels.get(id);
      if (known) return known;
      const fresh = channelRecord({ id, type: 1, name: person.name, personId: person.id });
      channels.set(id, fresh);
      return fresh;
    },
    channelJson(channel) {
      const person = channel.personId === null ? undefined : people.byId(channel.personId);
      return channelObject(channel, person && personUser(person));
    },
    saveChannel(channel) {
      const isNew = channels.get(channel.id) === undefined;
      const full = channelRecord(channel);
      channels.set(channel.id, full);
      publishTo(full, { kind: 'discord.channel', channel: shownChannel(full) });
      if (isThread(full)) {
        const data = { ...world.channelJson(full), ...(isNew ? { newly_created: true } : {}) };
        world.dispatch(isNew ? 'THREAD_CREATE' : 'THREAD_UPDATE', data, INTENTS.guilds);
      }
    },
    canSee: (person, channel) => channel.type !== 1 || channel.personId === person.id,
    stored: (messageId) => messages.get(messageId) ?? ephemeral.get(messageId),
    message(channelId, messageId) {
      const stored = world.stored(messageId);
      if (stored === undefined || stored.message.channel_id !== channelId)
        throw discordFaults.unknownMessage();
      return stored;
    },
    messagesIn: (channelId) => messages.values().filter(({ message }) => message.channel_id === channelId),
    saveMessage(stored, event) {
      const { message, ephemeralTo } = stored;
      const channel = world.channel(message.channel_id);
      if (ephemeralTo !== null) {
        ephemeral.set(message.id, stored);
        feed.publish(ephemeralTo, { kind: 'discord.message', message });
        return;
      }
      messages.set(message.id, stored);
      if (event === 'MESSAGE_CREATE') channels.set(channel.id, { ...channel, lastMessageId: message.id });
      publishTo(channel, { kind: 'discord.message', message });
      const isDm = channel.type === 1;
      const place = isDm ? {} : { guild_id: DISCORD_IDS.guild };
      const data = { ...message, ...place, channel_type: channel.type } as unknown as Json;
      world.dispatch(event, data, isDm ? INTENTS.directMessages : INTENTS.guildMessages);
    },
    removeMessage({ message, ephemeralTo }) {
      const channel = world.channel(message.channel_id);
      messages.delete(message.id);
      ephemeral.delete(message.id);
      const event = { kind: 'discord.deleted', message_id: message.id } as const;
      if (ephemeralTo !== null) {
        feed.publish(ephemeralTo, event);
        return;
      }
      publishTo(channel, event);
      const isDm = channel.type === 1;
      const data = {
        id: message.id,
        channel_id: channel.id,
        ...(isDm ? {} : { guild_id: DISCORD_IDS.guild }),
      };
      world.dispatch('MESSAGE_DELETE', data, isDm ? INTENTS.directMessages : INTENTS.guildMessages);
    },
    commands: () => commands.values(),
    replaceCommands(guildId, next) {
      for (const command of commands.values()) if (command.guild_id === guildId) commands.delete(command.id);
      for (const command of next) commands.set(command.id, command);
      feed.publish(undefined, {
        kind: 'discord.state',
        state: { commands: commands.values().map(shownCommand) },
      });
    },
    setTyping(channelId, isTyping) {
      const cancel = typing.get(channelId);
      cancel?.();
      typing.delete(channelId);
      if (isTyping) {
        typing.set(
          channelId,
          clock.after(DISCORD_LIMITS.typingMs, () => world.setTyping(channelId, false)),
        );
      }
      if (isTyping || cancel) publishTyping();
    },
    setModal(person, modal) {
      if (modal === null) modals.delete(person.id);
      else modals.set(person.id, modal);
      feed.publish(person.id, { kind: 'discord.state', state: { modal } });
    },
    modalOf: (person) => modals.get(person.id) ?? null,
    setOnline(isOnline) {
      online = isOnline;
      feed.publish(undefined, { kind: 'discord.state', state: { bot: botView() } });
    },
    notice(person, text, messageId) {
      const notice = { platform: 'discord', text, alert: false, message_id: messageId } as const;
      feed.publish(person.id, { kind: 'notice', notice });
    },
    answered(person) {
      feed.publish(person.id, { kind: 'answered', platform: 'discord' });
    },
    view(person) {
      world.dmOf(person);
      const visible = channels.values().filter((channel) => world.canSee(person, channel));
      const ids = new Set(visible.map((channel) => channel.id));
      const own = [...ephemeral.values()].filter((stored) => stored.ephemeralTo === person.id);
      return {
        bot: botView(),
        guild: { id: DISCORD_IDS.guild, name: deps.guildName },
        channels: visible.map(shownChannel),
        commands: commands.values().map(shownCommand),
        messages: [...messages.values(), ...own]
          .map(({ message }) => message)
          .filter((message) => ids.has(message.channel_id))
          .sort(byId),
        typing: shownTypingTo(person),
        modal: modals.get(person.id) ?? null,
      };
    },
  };
  const botView = () => ({ id: DISCORD_IDS.application, name: deps.botName, online });

  if (channels.get(DISCORD_IDS.channel) === undefined) {
    channels.set(
      DISCORD_IDS.channel,
      channelRecord({ id: DISCORD_IDS.channel, type: 0, name: 'ask-a-model' }),
    );
  }
  return world;
}

const byId = (a: WireMessage, b: WireMessage): number => (BigInt(a.id) < BigInt(b.id) ? -1 : 1);

function shownChannel({ id, type, name, parent_id, archived }: StoredChannel) {
  return { id, type, name, parent_id, archived };
}

function shownCommand({ id, type, name, description, options, contexts }: StoredCommand): SlashCommandView {
  return { id, type, name, description, options, contexts };
}
