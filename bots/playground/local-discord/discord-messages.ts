// Makes and changes the bot's messages: one way in for channel routes and interaction answers alike, so that limits,
// pings, attachments and nonces are the same everywhere. Used by the route files and discord-interactions.ts.

import type { DiscordAttachmentView, DiscordUserView } from '../page/view-types.ts';
import { discordFaults } from './discord-faults.ts';
import {
  DISCORD_IDS,
  isThread,
  type Json,
  personUser,
  type StoredChannel,
  type StoredDiscordMessage,
  type WireMessage,
} from './discord-shapes.ts';
import type { DiscordWorld } from './discord-world.ts';
import {
  COMPONENTS_V2,
  DISCORD_LIMITS,
  EPHEMERAL,
  LOADING,
  SUPPRESS_EMBEDS,
  SUPPRESS_NOTIFICATIONS,
} from './local-discord-limits.ts';
import { checkMessageBody, mentionedUsers, pingsOf } from './message-checks.ts';

export interface UploadedAttachment {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A request body with the files that came beside it. */
export interface MessageInput {
  readonly body: Json;
  readonly files: readonly UploadedAttachment[];
}

/** How an interaction's answer differs from a plain channel message. */
export interface AnswerContext {
  readonly metadata: (Json & { readonly user: DiscordUserView; readonly name?: string }) | undefined;
  readonly ephemeralTo: string | null;
  readonly type: number;
  readonly loading: boolean;
  readonly referenced?: WireMessage;
}

export interface AttachmentStore {
  save(channelId: string, file: UploadedAttachment): DiscordAttachmentView;
}

const CREATE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2;

export const findUser = (world: DiscordWorld, id: string): DiscordUserView | undefined => {
  if (id === DISCORD_IDS.application) return world.bot;
  const person = world.people.byDiscordId(id);
  return person && personUser(person);
};

function saveFiles(
  store: AttachmentStore,
  channel: StoredChannel,
  files: readonly UploadedAttachment[],
  listed: unknown,
): DiscordAttachmentView[] {
  const described = Array.isArray(listed) ? (listed as Json[]) : [];
  for (const { bytes } of files)
    if (bytes.byteLength > DISCORD_LIMITS.attachmentBytes) throw discordFaults.fileTooLarge();
  return files.map((file, index) => {
    const about = described.find((item) => String(item.id) === String(index));
    const saved = store.save(channel.id, file);
    return typeof about?.description === 'string' ? { ...saved, description: about.description } : saved;
  });
}

function checkWritable(channel: StoredChannel): void {
  if (isThread(channel) && channel.archived && channel.locked) throw discordFaults.archivedThread();
}

/** A new message of the bot in `channel`. @throws the refusals of checkMessageBody, 50083, 10008 for a bad reply */
export function postBotMessage(
  world: DiscordWorld,
  store: AttachmentStore,
  channel: StoredChannel,
  input: MessageInput,
  answer?: AnswerContext,
): StoredDiscordMessage {
  checkWritable(channel);
  const { body, files } = input;
  const earlier = repeatedNonce(world, channel, body);
  if (earlier) return earlier;
  const shown = answer?.loading
    ? { content: '', embeds: [], components: [], flags: LOADING }
    : checkMessageBody(body, undefined, CREATE_FLAGS, files.length);
  const reference = referenceOf(world, channel, body);
  const pings = pingsOf(shown, body.allowed_mentions, answer !== undefined);
  const pinged = new Set(pings.users);
  const repliedUser =
    (body.allowed_mentions as Json | undefined)?.replied_user ?? body.allowed_mentions === undefined;
  if (reference && repliedUser === true) pinged.add(reference.author.id);
  const message: WireMessage = {
    id: world.newId(),
    channel_id: channel.id,
    author: world.bot,
    content: shown.content,
    timestamp: world.now(),
    edited_timestamp: null,
    type: answer?.type ?? (reference ? 19 : 0),
    flags: shown.flags | (answer?.ephemeralTo ? EPHEMERAL : 0),
    embeds: shown.embeds.map(storedEmbed),
    attachments: saveFiles(store, channel, files, body.attachments),
    components: shown.components as unknown as WireMessage['components'],
    mention_everyone: pings.everyone,
    mentions: mentionedUsers([...pinged], (id) => findUser(world, id)),
    mention_roles: pings.roles,
    tts: body.tts === true,
    pinned: false,
    ...(typeof body.nonce === 'string' || typeof body.nonce === 'number' ? { nonce: body.nonce } : {}),
    ...(reference ? { referenced_message: reference, message_reference: referenceJson(reference) } : {}),
    ...(answer
      ? {
          webhook_id: DISCORD_IDS.application,
          application_id: DISCORD_IDS.application,
          interaction_metadata: answer.metadata,
        }
      : {}),
    ...(answer?.referenced
      ? { referenced_message: answer.referenced, message_reference: referenceJson(answer.referenced) }
      : {}),
  };
  const nonce = body.nonce === undefined || body.nonce === null ? null : String(body.nonce);
  const stored = { message, ephemeralTo: answer?.ephemeralTo ?? null, nonce };
  world.setTyping(channel.id, false);
  world.saveMessage(stored, 'MESSAGE_CREATE');
  return stored;
}

/** Changes a message of the bot. @throws 50005 for another author's, 30046 for too many edits of an old one */
export function editBotMessage(
  world: DiscordWorld,
  store: AttachmentStore,
  stored: StoredDiscordMessage,
  input: MessageInput,
  options: { readonly isInteraction: boolean; readonly edited: boolean },
): StoredDiscordMessage {
  const before = stored.message;
  if (before.author.id !== DISCORD_IDS.application) throw discordFaults.foreignMessage();
  const channel = world.channel(before.channel_id);
  checkWritable(channel);
  const { body, files } = input;
  const wasLoading = ((before.flags ?? 0) & LOADING) !== 0;
  const base = {
    content: before.content,
    embeds: before.embeds,
    components: (before.components ?? []) as unknown as Json[],
    flags: (before.flags ?? 0) & ~LOADING,
  };
  const keptFiles = keptAttachments(before.attachments, body.attachments);
  const shown = checkMessageBody(
    body,
    base,
    SUPPRESS_EMBEDS | COMPONENTS_V2,
    keptFiles.length + files.length,
  );
  const pings = pingsOf(shown, body.allowed_mentions, options.isInteraction);
  const message: WireMessage = {
    ...before,
    content: shown.content,
    embeds: shown.embeds.map(storedEmbed),
    components: shown.components as unknown as WireMessage['components'],
    flags: shown.flags | ((before.flags ?? 0) & EPHEMERAL),
    attachments: [...keptFiles, ...saveFiles(store, channel, files, body.attachments)],
    mention_everyone: pings.everyone,
    mentions: mentionedUsers(pings.users, (id) => findUser(world, id)),
    mention_roles: pings.roles,
    // Filling in a "thinking…" message is not shown as an edit.
    edited_timestamp: wasLoading || !options.edited ? before.edited_timestamp : world.now(),
  };
  const next = { ...stored, message };
  world.saveMessage(next, 'MESSAGE_UPDATE');
  return next;
}

/** `attachments` in an edit lists what stays; absent keeps all. */
function keptAttachments(
  before: readonly DiscordAttachmentView[],
  listed: unknown,
): readonly DiscordAttachmentView[] {
  if (!Array.isArray(listed)) return before;
  const ids = new Set((listed as Json[]).map((item) => String(item.id)));
  return before.filter((attachment) => ids.has(attachment.id));
}

const storedEmbed = <Embed extends object>(embed: Embed): Embed & { type: string } => ({
  type: 'rich',
  ...embed,
});

function repeatedNonce(
  world: DiscordWorld,
  channel: StoredChannel,
  body: Json,
): StoredDiscordMessage | undefined {
  if (body.enforce_nonce !== true || body.nonce === undefined || body.nonce === null) return undefined;
  const since = world.clock.now() - DISCORD_LIMITS.nonceMs;
  return world
    .messagesIn(channel.id)
    .find(({ nonce, message }) => nonce === String(body.nonce) && Date.parse(message.timestamp) >= since);
}

function referenceOf(world: DiscordWorld, channel: StoredChannel, body: Json): WireMessage | undefined {
  const reference = body.message_reference as Json | undefined;
  if (reference?.message_id === undefined) return undefined;
  const found = world.stored(String(reference.message_id));
  if (found && found.message.channel_id === channel.id) return flatMessage(found.message);
  if (reference.fail_if_not_exists === false) return undefined;
  throw discordFaults.unknownMessage();
}

/** A message as it stands inside another one: without its own references. */
export function flatMessage(message: WireMessage): WireMessage {
  const { referenced_message: _, ...flat } = message;
  return flat;
}

export const referenceJson = (message: WireMessage): Json => ({
  type: 0,
  channel_id: message.channel_id,
  message_id: message.id,
});
