// Draws one Discord message: avatar and name, the command or message it answers, text, embeds, files, components,
// and the marks "edited", "is thinking…", "Only you can see this". Used by discord-pane.ts.

import { discordNodes, type MentionNames } from './discord-markdown.ts';
import { discordParts } from './discord-parts.ts';
import { clockTime, el, fileSize } from './page-dom.ts';
import { richElements } from './rich-dom.ts';
import type {
  DiscordAttachmentView,
  DiscordEmbedView,
  DiscordMessageView,
  DiscordUserView,
  PersonView,
} from './view-types.ts';

export interface RowActs {
  press(messageId: string, customId: string, values?: readonly string[]): void;
  reply(message: DiscordMessageView): void;
  dismiss(messageId: string): void;
}

export interface RowContext {
  readonly reader: PersonView;
  readonly people: readonly PersonView[];
  readonly channelName: (id: string) => string;
  /** Shown in red under the message: "This interaction failed". */
  readonly failure: string | undefined;
}

const EPHEMERAL = 1 << 6;
const LOADING = 1 << 7;
const GROUP_MS = 7 * 60_000;

export const isEphemeral = (message: DiscordMessageView): boolean => ((message.flags ?? 0) & EPHEMERAL) !== 0;

/** Whether `message` continues the block of the one before it: same author, soon after, nothing it answers. */
export function continues(message: DiscordMessageView, previous: DiscordMessageView | undefined): boolean {
  if (previous === undefined || previous.author.id !== message.author.id) return false;
  if (
    message.referenced_message ||
    message.interaction_metadata ||
    isEphemeral(message) ||
    isEphemeral(previous)
  )
    return false;
  return Date.parse(message.timestamp) - Date.parse(previous.timestamp) < GROUP_MS;
}

export const shownName = (user: DiscordUserView): string => user.global_name ?? user.username;

export function avatar(user: DiscordUserView, people: readonly PersonView[], isSmall = false): HTMLElement {
  const face = el(
    'span',
    { class: `face${isSmall ? ' small' : ''}${user.bot ? ' bot' : ''}`, attrs: { 'aria-hidden': 'true' } },
    shownName(user).slice(0, 1),
  );
  const person = people.find(({ discordId }) => discordId === user.id);
  if (person) face.style.setProperty('--hue', String(person.hue));
  return face;
}

export function discordRow(
  message: DiscordMessageView,
  previous: DiscordMessageView | undefined,
  context: RowContext,
  acts: RowActs,
): HTMLElement {
  const { reader, people } = context;
  const grouped = continues(message, previous);
  const pingsReader = message.mention_everyone || message.mentions.some(({ id }) => id === reader.discordId);
  const names = mentionNames(message, context);
  const isLoading = ((message.flags ?? 0) & LOADING) !== 0;
  const edited =
    message.edited_timestamp === null
      ? null
      : el('span', { class: 'dc-edited', title: message.edited_timestamp }, '(edited)');
  const text = isLoading
    ? el(
        'div',
        { class: 'dc-thinking' },
        el('span', { class: 'dc-dots', attrs: { 'aria-hidden': 'true' } }, el('i'), el('i'), el('i')),
        `${shownName(message.author)} is thinking…`,
      )
    : message.content === ''
      ? edited
      : el(
          'div',
          { class: `dc-text${isOnlyEmoji(message.content) ? ' jumbo' : ''}`, attrs: { dir: 'auto' } },
          ...withEdited(richElements(discordNodes(message.content, names)), edited),
        );
  const body = el(
    'div',
    { class: 'dc-body' },
    grouped ? null : nameLine(message),
    text,
    ...message.embeds.map((embed) => embedCard(embed, names)),
    ...message.attachments.map((file) =>
      file.content_type === 'image/png'
        ? picture(file)
        : el(
            'a',
            {
              class: 'dc-file',
              testid: 'discord-file',
              attrs: { href: new URL(file.url).pathname, download: file.filename },
            },
            el('b', {}, file.filename),
            el('span', {}, fileSize(file.size)),
          ),
    ),
    ...discordParts(message.components ?? [], names, {
      press: (customId, values) => acts.press(message.id, customId, values),
    }),
    (message.reactions?.length ?? 0) > 0
      ? el(
          'div',
          { class: 'dc-reactions' },
          ...(message.reactions ?? []).map(({ emoji, count }) =>
            el('span', {}, `${emoji.name ?? ''} ${count}`),
          ),
        )
      : null,
    context.failure === undefined
      ? null
      : el(
          'div',
          { class: 'dc-failed', testid: 'discord-failed', attrs: { role: 'alert' } },
          context.failure,
        ),
    isEphemeral(message) ? ephemeralLine(() => acts.dismiss(message.id)) : null,
  );
  const time = clockTime(Date.parse(message.timestamp));
  return el(
    'article',
    {
      class: [
        'dc-row',
        grouped ? 'grouped' : '',
        pingsReader ? 'pinged' : '',
        isEphemeral(message) ? 'ephemeral' : '',
      ].join(' '),
      testid: 'discord-message',
      data: {
        messageId: message.id,
        from: message.author.bot ? 'bot' : 'person',
        ping: String(pingsReader),
        ephemeral: String(isEphemeral(message)),
      },
    },
    answeredLine(message, context),
    grouped ? el('span', { class: 'dc-side-time' }, time) : avatar(message.author, people),
    body,
    isEphemeral(message)
      ? null
      : el(
          'button',
          {
            class: 'dc-reply',
            title: 'Reply',
            attrs: { type: 'button', 'aria-label': 'Reply' },
            on: { click: () => acts.reply(message) },
          },
          '↩',
        ),
  );
}

/** Puts "(edited)" behind the last words, also where those stand in a block of their own. */
function withEdited(elements: readonly Node[], edited: HTMLElement | null): readonly (Node | string)[] {
  if (edited === null) return elements;
  const last = elements.at(-1);
  if (!(last instanceof HTMLElement) || !/rich-(subtext|heading|bullet|numbered)/.test(last.className)) {
    return [...elements, edited];
  }
  last.append(edited);
  return elements;
}

function nameLine(message: DiscordMessageView): HTMLElement {
  const badge = message.author.bot ? el('span', { class: 'dc-app' }, 'APP') : null;
  const when = new Date(message.timestamp);
  const day = when.toDateString() === new Date().toDateString() ? 'Today at' : when.toLocaleDateString();
  return el(
    'div',
    { class: 'dc-head' },
    el('b', {}, shownName(message.author)),
    badge,
    el('time', { attrs: { datetime: message.timestamp } }, `${day} ${clockTime(when.getTime())}`),
  );
}

/** The thin line above a message: whose command or which message it answers. */
function answeredLine(message: DiscordMessageView, context: RowContext): HTMLElement | null {
  const { people } = context;
  const replied = message.referenced_message;
  if (replied) {
    const [line = ''] = replied.content.replace(/^(?:>|#{1,3}|-#) /gm, '').split('\n');
    const words =
      line === ''
        ? ['Click to see the message']
        : richElements(discordNodes(line, mentionNames(replied, context)));
    return el(
      'div',
      { class: 'dc-answered' },
      avatar(replied.author, people, true),
      el('b', {}, shownName(replied.author)),
      el('span', { class: 'dc-preview' }, ...words),
    );
  }
  const used = message.interaction_metadata;
  if (used?.name === undefined) return null;
  return el(
    'div',
    { class: 'dc-answered' },
    avatar(used.user, people, true),
    el('b', {}, shownName(used.user)),
    ' used ',
    el('span', { class: 'dc-used' }, `/${used.name}`),
  );
}

function ephemeralLine(dismiss: () => void): HTMLElement {
  return el(
    'div',
    { class: 'dc-only-you' },
    el('span', { attrs: { 'aria-hidden': 'true' } }, '◉ '),
    'Only you can see this • ',
    el('button', { attrs: { type: 'button' }, on: { click: dismiss } }, 'Dismiss message'),
  );
}

function embedCard(embed: DiscordEmbedView, names: MentionNames): HTMLElement {
  const rich = (text: string) => richElements(discordNodes(text, names));
  const card = el(
    'div',
    { class: 'dc-embed' },
    embed.author ? el('div', { class: 'dc-embed-author' }, embed.author.name) : null,
    embed.title ? el('div', { class: 'dc-embed-title' }, ...rich(embed.title)) : null,
    embed.description ? el('div', { class: 'dc-text' }, ...rich(embed.description)) : null,
    embed.fields?.length
      ? el(
          'div',
          { class: 'dc-fields' },
          ...embed.fields.map((field) =>
            el(
              'div',
              { class: field.inline ? 'inline' : '' },
              el('b', {}, field.name),
              el('div', { class: 'dc-text' }, ...rich(field.value)),
            ),
          ),
        )
      : null,
    embed.footer ? el('div', { class: 'dc-embed-footer' }, embed.footer.text) : null,
  );
  if (embed.color !== undefined)
    card.style.setProperty('--accent', `#${embed.color.toString(16).padStart(6, '0')}`);
  return card;
}

function mentionNames(message: DiscordMessageView, { people, channelName }: RowContext): MentionNames {
  return {
    user(id) {
      const pinged = message.mentions.find((user) => user.id === id);
      const person = people.find(({ discordId }) => discordId === id);
      return {
        name: pinged ? shownName(pinged) : (person?.name ?? 'unknown-user'),
        ping: pinged !== undefined,
      };
    },
    role: (id) => ({ name: 'role', ping: message.mention_roles.includes(id) }),
    channel: channelName,
    everyonePinged: message.mention_everyone,
  };
}

const isOnlyEmoji = (text: string): boolean =>
  /^(\p{Extended_Pictographic}[\u{FE0F}\u{200D}]*\s?){1,6}$/u.test(text);

/** A picture in the message, which opens in its own size. */
function picture(file: DiscordAttachmentView): HTMLElement {
  const address = new URL(file.url).pathname;
  const size = { width: String(file.width ?? ''), height: String(file.height ?? '') };
  return el('img', {
    class: 'dc-picture',
    testid: 'discord-picture',
    attrs: { src: address, alt: file.description ?? file.filename, ...size },
  });
}
