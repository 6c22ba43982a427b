// Interactions of the local Discord: an act of a person becomes an event with a token; the bot must answer within
// 3 s and may use the token for 15 min. States of one: waiting -> (answered | deferred | modal | choices) | expired.
// Used by the interaction routes (the bot's side) and discord-person.ts (the person's side).

import { randomBytes } from 'node:crypto';
import type { Shelf } from '../chat-journal.ts';
import type { DiscordUserView, PersonView } from '../page/view-types.ts';
import { asObjects } from './component-checks.ts';
import { collectProblems, discordFaults } from './discord-faults.ts';
import {
  type AnswerContext,
  type AttachmentStore,
  editBotMessage,
  type MessageInput,
  postBotMessage,
} from './discord-messages.ts';
import {
  ALL_PERMISSIONS,
  DISCORD_IDS,
  type Json,
  memberOf,
  personUser,
  type StoredChannel,
  type StoredDiscordMessage,
} from './discord-shapes.ts';
import type { DiscordWorld } from './discord-world.ts';
import { DISCORD_LIMITS, EPHEMERAL } from './local-discord-limits.ts';
import { checkModal } from './modal-checks.ts';

/** 2 command, 3 component, 4 autocomplete, 5 modal submit. */
type InteractionType = 2 | 3 | 4 | 5;

export interface StoredInteraction {
  readonly id: string;
  readonly token: string;
  readonly type: InteractionType;
  readonly personId: string;
  readonly channelId: string;
  readonly createdMs: number;
  readonly commandName: string | null;
  /** The message whose component was used. */
  readonly sourceMessageId: string | null;
  readonly answeredBy: number | null;
  readonly expired: boolean;
  readonly ephemeral: boolean;
  /** What `@original` means. */
  readonly originalId: string | null;
}

export interface DiscordInteractions {
  /** Starts an interaction and sends it to the bot. */
  start(act: {
    readonly type: InteractionType;
    readonly person: PersonView;
    readonly channel: StoredChannel;
    readonly data: Json;
    readonly commandName?: string;
    readonly source?: StoredDiscordMessage;
    /** Hears the choices an autocomplete is answered with; `undefined` when none came in time. */
    readonly onChoices?: (choices: readonly Json[] | undefined) => void;
  }): StoredInteraction;
  /** The bot's first answer. @throws 10062, 40060, 50035 */
  callback(id: string, token: string, input: MessageInput): StoredInteraction;
  byId(id: string): StoredInteraction | undefined;
  /** The interaction behind a webhook token. @throws 10015, 50027 */
  byToken(token: string): StoredInteraction;
  /** @throws 10008 */
  messageOf(interaction: StoredInteraction, messageId: string): StoredDiscordMessage;
  followUp(interaction: StoredInteraction, input: MessageInput): StoredDiscordMessage;
  editMessage(interaction: StoredInteraction, messageId: string, input: MessageInput): StoredDiscordMessage;
}

const CALLBACK = {
  message: 4,
  deferredMessage: 5,
  deferredUpdate: 6,
  update: 7,
  choices: 8,
  modal: 9,
} as const;
/** Long after its token has died an interaction is still told apart from one that never was. */
const REMEMBERED_MS = 24 * 60 * 60_000;
/** Message types of an answer: a reply to a slash command, or to the message of a component. */
const MESSAGE_TYPE = { command: 20, reply: 19 } as const;

export function createDiscordInteractions(
  world: DiscordWorld,
  shelf: Shelf<StoredInteraction>,
  store: AttachmentStore,
): DiscordInteractions {
  const choiceListeners = new Map<string, (choices: readonly Json[] | undefined) => void>();
  for (const old of shelf.values())
    if (world.clock.now() - old.createdMs > REMEMBERED_MS) shelf.delete(old.id);

  const personOf = (interaction: StoredInteraction): PersonView => {
    const person = world.people.byId(interaction.personId);
    if (person === undefined) throw discordFaults.unknownUser();
    return person;
  };
  const save = (interaction: StoredInteraction, change: Partial<StoredInteraction>): StoredInteraction => {
    const next = { ...interaction, ...change };
    shelf.set(next.id, next);
    return next;
  };
  const answerContext = (
    interaction: StoredInteraction,
    ephemeral: boolean,
    loading: boolean,
  ): AnswerContext => {
    const source =
      interaction.sourceMessageId === null ? undefined : world.stored(interaction.sourceMessageId);
    const user: DiscordUserView = personUser(personOf(interaction));
    const owners = { 0: DISCORD_IDS.guild };
    const metadata = {
      id: interaction.id,
      type: interaction.type,
      user,
      authorizing_integration_owners: owners,
      ...(interaction.commandName === null ? {} : { name: interaction.commandName, command_type: 1 }),
      ...(interaction.type === 3 && source ? { interacted_message_id: source.message.id } : {}),
      ...(interaction.type === 5
        ? {
            triggering_interaction_metadata: {
              id: interaction.id,
              type: 2,
              user,
              authorizing_integration_owners: owners,
              name: 'modal',
              command_type: 1,
            },
          }
        : {}),
    };
    return {
      metadata,
      ephemeralTo: ephemeral ? interaction.personId : null,
      type: source ? MESSAGE_TYPE.reply : MESSAGE_TYPE.command,
      loading,
      referenced: source?.message,
    };
  };

  const expire = (id: string): void => {
    const interaction = shelf.get(id);
    if (interaction === undefined || interaction.answeredBy !== null) return;
    save(interaction, { expired: true });
    choiceListeners.get(id)?.(undefined);
    choiceListeners.delete(id);
    if (interaction.type === 4) return;
    const text =
      interaction.type === 5
        ? 'Something went wrong. Try again.'
        : interaction.type === 3
          ? 'This interaction failed'
          : 'The application did not respond';
    world.notice(personOf(interaction), text, interaction.sourceMessageId ?? undefined);
  };

  const self: DiscordInteractions = {
    start({ type, person, channel, data, commandName, source, onChoices }) {
      const interaction: StoredInteraction = {
        id: world.newId(),
        token: randomBytes(48).toString('base64url'),
        type,
        personId: person.id,
        channelId: channel.id,
        createdMs: world.clock.now(),
        commandName: commandName ?? null,
        sourceMessageId: source?.message.id ?? null,
        answeredBy: null,
        expired: false,
        ephemeral: false,
        originalId: null,
      };
      shelf.set(interaction.id, interaction);
      if (onChoices) choiceListeners.set(interaction.id, onChoices);
      world.clock.after(DISCORD_LIMITS.ackMs, () => expire(interaction.id));
      world.dispatch(
        'INTERACTION_CREATE',
        interactionEvent(world, interaction, person, channel, data, source),
        0,
      );
      return interaction;
    },

    callback(id, token, { body, files }) {
      const interaction = shelf.get(id);
      if (interaction === undefined || interaction.token !== token || interaction.expired)
        throw discordFaults.unknownInteraction();
      if (interaction.answeredBy !== null) throw discordFaults.alreadyAcknowledged();
      const kind = Number(body.type);
      const data = (body.data ?? {}) as Json;
      checkCallbackKind(interaction, kind);
      const person = personOf(interaction);
      const channel = world.channel(interaction.channelId);
      world.answered(person);
      const ephemeral = (Number(data.flags ?? 0) & EPHEMERAL) !== 0;

      if (kind === CALLBACK.message || kind === CALLBACK.deferredMessage) {
        const context = answerContext(interaction, ephemeral, kind === CALLBACK.deferredMessage);
        const { message } = postBotMessage(world, store, channel, { body: data, files }, context);
        return save(interaction, { answeredBy: kind, ephemeral, originalId: message.id });
      }
      if (kind === CALLBACK.update || kind === CALLBACK.deferredUpdate) {
        if (interaction.sourceMessageId === null) throw discordFaults.unknownMessage();
        const source = world.message(channel.id, interaction.sourceMessageId);
        if (kind === CALLBACK.update) {
          editBotMessage(world, store, source, { body: data, files }, { isInteraction: true, edited: true });
        }
        return save(interaction, { answeredBy: kind, originalId: interaction.sourceMessageId });
      }
      if (kind === CALLBACK.choices) {
        const choices = asObjects(data.choices);
        const problems = collectProblems();
        if (choices.length > DISCORD_LIMITS.autocompleteChoices)
          problems.badLength('data.choices', 0, DISCORD_LIMITS.autocompleteChoices);
        for (const [index, { name }] of choices.entries()) {
          const tooLong =
            typeof name !== 'string' || name === '' || name.length > DISCORD_LIMITS.choiceNameChars;
          if (tooLong) problems.badLength(`data.choices.${index}.name`, 1, DISCORD_LIMITS.choiceNameChars);
        }
        problems.check();
        choiceListeners.get(id)?.(choices);
        choiceListeners.delete(id);
        return save(interaction, { answeredBy: kind });
      }
      const modal = checkModal(data);
      world.setModal(person, { interaction_id: interaction.id, ...modal });
      return save(interaction, { answeredBy: kind });
    },

    byId: (id) => shelf.get(id),
    byToken(token) {
      const interaction = shelf.values().find((candidate) => candidate.token === token);
      if (interaction === undefined || interaction.answeredBy === null) throw discordFaults.unknownWebhook();
      if (world.clock.now() - interaction.createdMs > DISCORD_LIMITS.tokenMs)
        throw discordFaults.invalidToken();
      return interaction;
    },
    messageOf(interaction, messageId) {
      const id = messageId === '@original' ? interaction.originalId : messageId;
      if (id === null) throw discordFaults.unknownMessage();
      return world.message(interaction.channelId, id);
    },
    followUp(interaction, input) {
      const original = interaction.originalId === null ? undefined : world.stored(interaction.originalId);
      const stillLoading =
        interaction.answeredBy === CALLBACK.deferredMessage &&
        original &&
        ((original.message.flags ?? 0) & 128) !== 0;
      // Documented: the first follow-up after a deferred answer fills that answer in.
      if (stillLoading)
        return editBotMessage(world, store, original, input, { isInteraction: true, edited: false });
      const ephemeral = (Number(input.body.flags ?? 0) & EPHEMERAL) !== 0;
      const context = answerContext(interaction, ephemeral, false);
      const referenced = original?.message ?? context.referenced;
      return postBotMessage(world, store, world.channel(interaction.channelId), input, {
        ...context,
        type: MESSAGE_TYPE.reply,
        referenced,
      });
    },
    editMessage(interaction, messageId, input) {
      const stored = self.messageOf(interaction, messageId);
      return editBotMessage(world, store, stored, input, { isInteraction: true, edited: true });
    },
  };
  return self;
}

/** Which answers fit which interaction; others get Discord's form error. */
function checkCallbackKind(interaction: StoredInteraction, kind: number): void {
  const { message, deferredMessage, deferredUpdate, update, choices, modal } = CALLBACK;
  const fits: Readonly<Record<InteractionType, readonly number[]>> = {
    2: [message, deferredMessage, modal],
    3: [message, deferredMessage, deferredUpdate, update, modal],
    4: [choices],
    5:
      interaction.sourceMessageId === null
        ? [message, deferredMessage]
        : [message, deferredMessage, deferredUpdate, update],
  };
  if (fits[interaction.type].includes(kind)) return;
  const problems = collectProblems();
  problems.add(
    'type',
    'INTERACTION_APPLICATION_COMMAND_INVALID_CALLBACK_TYPE',
    'This callback type is not valid for the interaction',
  );
  problems.check();
}

function interactionEvent(
  world: DiscordWorld,
  interaction: StoredInteraction,
  person: PersonView,
  channel: StoredChannel,
  data: Json,
  source: StoredDiscordMessage | undefined,
): Json {
  const user = personUser(person);
  const inGuild = channel.type !== 1;
  return {
    version: 1,
    id: interaction.id,
    application_id: DISCORD_IDS.application,
    type: interaction.type,
    token: interaction.token,
    data,
    channel: { ...world.channelJson(channel), ...(inGuild ? { permissions: ALL_PERMISSIONS } : {}) },
    channel_id: channel.id,
    ...(inGuild
      ? {
          guild_id: DISCORD_IDS.guild,
          guild: { id: DISCORD_IDS.guild, locale: 'en-US', features: [] },
          guild_locale: 'en-US',
          member: { ...memberOf(user), permissions: ALL_PERMISSIONS },
        }
      : { user }),
    ...(source ? { message: source.message } : {}),
    locale: 'en-US',
    app_permissions: ALL_PERMISSIONS,
    entitlements: [],
    authorizing_integration_owners: inGuild ? { 0: DISCORD_IDS.guild } : { 0: '0' },
    context: inGuild ? 0 : 1,
    attachment_size_limit: DISCORD_LIMITS.attachmentBytes,
  };
}
