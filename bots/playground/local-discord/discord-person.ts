// What a person can do in a Discord app: write, use a slash command, press, choose, fill a form. Each becomes an event
// for the bot, after the checks the app itself makes. Used by the playground's own HTTP interface.

import type { DiscordComponentView, PersonView } from '../page/view-types.ts';
import { OPTION, type OptionValue, readOptionValues } from './command-checks.ts';
import { flatten, PART } from './component-checks.ts';
import type { DiscordInteractions } from './discord-interactions.ts';
import { findUser, flatMessage, referenceJson } from './discord-messages.ts';
import {
  DISCORD_IDS,
  isThread,
  type Json,
  personUser,
  type StoredChannel,
  type WireMessage,
} from './discord-shapes.ts';
import type { DiscordWorld, StoredCommand } from './discord-world.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';
import { type ModalAnswers, modalRefusals, modalSubmission } from './modal-checks.ts';

type DiscordAct =
  | { readonly ok: true; readonly id?: string; readonly choices?: readonly Json[] }
  | { readonly ok: false; readonly error: string; readonly fields?: Readonly<Record<string, string>> };

export interface DiscordPersonActs {
  message(person: PersonView, channelId: string, text: string, replyTo: string | undefined): DiscordAct;
  slash(
    person: PersonView,
    channelId: string,
    name: string,
    values: Readonly<Record<string, OptionValue>>,
  ): DiscordAct;
  autocomplete(
    person: PersonView,
    channelId: string,
    name: string,
    values: Readonly<Record<string, OptionValue>>,
    focused: string,
  ): Promise<DiscordAct>;
  press(
    person: PersonView,
    messageId: string,
    customId: string,
    values: readonly string[] | undefined,
  ): DiscordAct;
  submitModal(person: PersonView, interactionId: string, answers: ModalAnswers): DiscordAct;
  closeModal(person: PersonView): DiscordAct;
}

const refuse = (error: string, fields?: Readonly<Record<string, string>>): DiscordAct => ({
  ok: false,
  error,
  fields,
});

export function createDiscordPersonActs(
  world: DiscordWorld,
  interactions: DiscordInteractions,
): DiscordPersonActs {
  const seen = (person: PersonView, channelId: string): StoredChannel | undefined => {
    const channel = world.channels().find((candidate) => candidate.id === channelId);
    return channel && world.canSee(person, channel) ? channel : undefined;
  };

  /** The command and its options after subcommand words ("datanet show"). */
  const findCommand = (name: string, channel: StoredChannel) => {
    const words = name.trim().replace(/^\//, '').split(/\s+/);
    const context = channel.type === 1 ? 1 : 0;
    const command = world
      .commands()
      .find(
        (known) => known.type === 1 && known.name === words[0] && (known.contexts?.includes(context) ?? true),
      );
    if (command === undefined) return undefined;
    let declared = command.options ?? [];
    const path: { readonly type: number; readonly name: string }[] = [];
    for (const word of words.slice(1)) {
      const sub = declared.find(
        (option) => option.name === word && (option.type === OPTION.sub || option.type === OPTION.group),
      );
      if (sub === undefined) return undefined;
      path.push({ type: sub.type, name: sub.name });
      declared = sub.options ?? [];
    }
    if (declared.some((option) => option.type === OPTION.sub || option.type === OPTION.group))
      return undefined;
    return { command, declared, path };
  };
  const commandData = (
    command: StoredCommand,
    path: readonly { type: number; name: string }[],
    options: readonly Json[],
  ): Json => {
    const nested = path.reduceRight<readonly Json[]>((inner, step) => [{ ...step, options: inner }], options);
    return {
      id: command.id,
      name: command.name,
      type: command.type,
      ...(nested.length > 0 ? { options: nested } : {}),
      ...(command.guild_id ? { guild_id: command.guild_id } : {}),
    };
  };

  return {
    message(person, channelId, text, replyTo) {
      const channel = seen(person, channelId);
      if (channel === undefined) return refuse('channel_not_found');
      if (isThread(channel) && channel.locked) return refuse('thread_locked');
      const content = text
        .trim()
        .replaceAll(`@${String(world.bot.username)}`, `<@${DISCORD_IDS.application}>`);
      if (content === '') return refuse('empty_message');
      if (content.length > DISCORD_LIMITS.contentChars) return refuse('message_too_long');
      const found = replyTo === undefined ? undefined : world.stored(replyTo)?.message;
      const replied = found && found.channel_id === channel.id ? flatMessage(found) : undefined;
      const mentioned = new Set([...content.matchAll(/<@!?(\d+)>/g)].map((match) => match[1]));
      if (replied) mentioned.add(replied.author.id);
      const message: WireMessage = {
        id: world.newId(),
        channel_id: channel.id,
        author: personUser(person),
        content,
        timestamp: world.now(),
        edited_timestamp: null,
        type: replied ? 19 : 0,
        flags: 0,
        embeds: [],
        attachments: [],
        components: [],
        mention_everyone: false,
        mentions: [...mentioned].flatMap((id) => findUser(world, id) ?? []),
        mention_roles: [],
        tts: false,
        pinned: false,
        ...(replied ? { referenced_message: replied, message_reference: referenceJson(replied) } : {}),
      };
      if (channel.archived) world.saveChannel({ ...channel, archived: false });
      world.saveMessage({ message, ephemeralTo: null, nonce: null }, 'MESSAGE_CREATE');
      return { ok: true, id: message.id };
    },

    slash(person, channelId, name, values) {
      const channel = seen(person, channelId);
      if (channel === undefined) return refuse('channel_not_found');
      const found = findCommand(name, channel);
      if (found === undefined) return refuse('unknown_command');
      const reading = readOptionValues(found.declared, values, false);
      if (!reading.ok) return refuse('invalid_option', { [reading.option]: reading.error });
      const data = commandData(found.command, found.path, reading.options);
      const commandName = [found.command.name, ...found.path.map((step) => step.name)].join(' ');
      return { ok: true, id: interactions.start({ type: 2, person, channel, data, commandName }).id };
    },

    autocomplete(person, channelId, name, values, focused) {
      const channel = seen(person, channelId);
      const found = channel && findCommand(name, channel);
      if (!channel || !found) return Promise.resolve(refuse('unknown_command'));
      const reading = readOptionValues(found.declared, { ...values, [focused]: values[focused] ?? '' }, true);
      if (!reading.ok) return Promise.resolve(refuse('invalid_option'));
      const option = found.declared.find((declared) => declared.name === focused && declared.autocomplete);
      if (option === undefined) return Promise.resolve(refuse('not_autocompleted'));
      const others = reading.options.filter((given) => given.name !== focused);
      const focusedOption = {
        type: option.type,
        name: focused,
        value: String(values[focused] ?? ''),
        focused: true,
      };
      const data = commandData(found.command, found.path, [...others, focusedOption]);
      return new Promise<DiscordAct>((resolve) => {
        const onChoices = (choices: readonly Json[] | undefined) =>
          resolve(choices === undefined ? refuse('no_choices') : { ok: true, choices });
        interactions.start({ type: 4, person, channel, data, onChoices });
      });
    },

    press(person, messageId, customId, values) {
      const source = world.stored(messageId);
      const channel = source && seen(person, source.message.channel_id);
      const hidden = source?.ephemeralTo !== null && source?.ephemeralTo !== person.id;
      if (!source || !channel || hidden) return refuse('message_not_found');
      const parts = flatten((source.message.components ?? []) as unknown as Json[]);
      const part = parts.find((candidate) => candidate.custom_id === customId) as
        | DiscordComponentView
        | undefined;
      if (part === undefined) return refuse('button_not_found');
      if (part.disabled === true) return refuse('button_disabled');
      const isSelect = part.type !== PART.button;
      const known = new Set(part.options?.map((option) => option.value));
      if (isSelect && (values === undefined || values.some((value) => known.size > 0 && !known.has(value)))) {
        return refuse('unknown_choice');
      }
      const data = {
        custom_id: customId,
        component_type: part.type,
        id: part.id ?? 0,
        ...(isSelect ? { values } : {}),
      };
      return { ok: true, id: interactions.start({ type: 3, person, channel, data, source }).id };
    },

    submitModal(person, interactionId, answers) {
      const modal = world.modalOf(person);
      if (modal === null || modal.interaction_id !== interactionId) return refuse('no_such_form');
      const refusals = modalRefusals(modal, answers);
      if (Object.keys(refusals).length > 0) return refuse('invalid_answers', refusals);
      // A form belongs to the interaction that opened it: its channel and message are the submission's.
      const opener = interactions.byId(interactionId);
      const channel = opener && seen(person, opener.channelId);
      if (!opener || !channel) return refuse('channel_not_found');
      const source = opener.sourceMessageId === null ? undefined : world.stored(opener.sourceMessageId);
      world.setModal(person, null);
      const data = { custom_id: modal.custom_id, components: modalSubmission(modal, answers) };
      return { ok: true, id: interactions.start({ type: 5, person, channel, data, source }).id };
    },

    closeModal(person) {
      world.setModal(person, null);
      return { ok: true };
    },
  };
}
