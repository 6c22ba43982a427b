// Checks a message body (create, edit, interaction answer) and works out what it pings. Used by every route that
// takes a message. Refuses with Discord's 50035/50006 errors; pure.

import type { DiscordEmbedView, DiscordUserView } from '../page/view-types.ts';
import { asObjects, checkComponents, flatten, PART } from './component-checks.ts';
import { collectProblems, discordFaults, type FormProblems } from './discord-faults.ts';
import type { Json } from './discord-shapes.ts';
import { COMPONENTS_V2, DISCORD_LIMITS } from './local-discord-limits.ts';

interface MessageContent {
  readonly content: string;
  readonly embeds: readonly DiscordEmbedView[];
  readonly components: readonly Json[];
  readonly flags: number;
}

interface Pings {
  readonly everyone: boolean;
  readonly users: readonly string[];
  readonly roles: readonly string[];
}

/**
 * The content a message would have after `body` is applied to `before` (absent fields stay, null empties).
 * @param allowedFlags flags the route accepts; others are dropped as Discord drops them
 * @throws 50035 invalid form, 50006 empty message
 */
export function checkMessageBody(
  body: Json,
  before: MessageContent | undefined,
  allowedFlags: number,
  fileCount: number,
): MessageContent {
  const problems = collectProblems();
  const given = typeof body.flags === 'number' ? body.flags & allowedFlags : undefined;
  const flags =
    (before?.flags ?? 0) & COMPONENTS_V2
      ? (given ?? 0) | (before?.flags ?? 0)
      : (given ?? before?.flags ?? 0);
  const isV2 = (flags & COMPONENTS_V2) !== 0;

  if (body.content !== undefined && body.content !== null && typeof body.content !== 'string') {
    problems.add('content', 'STRING_TYPE_CONVERT', 'Must be string.');
    problems.check();
  }
  const content = body.content === undefined ? (before?.content ?? '') : String(body.content ?? '').trim();
  problems.tooLong('content', content, DISCORD_LIMITS.contentChars);
  const embeds = body.embeds === undefined ? (before?.embeds ?? []) : asObjects(body.embeds);
  if (body.embeds !== undefined) checkEmbeds(asObjects(body.embeds), problems);
  const components = body.components === undefined ? (before?.components ?? []) : asObjects(body.components);
  if (body.components !== undefined && body.components !== null) {
    checkComponents(body.components, isV2, 'components', problems);
  }
  if (isV2) {
    for (const field of ['content', 'embeds', 'sticker_ids', 'poll'] as const) {
      const value = body[field];
      if (
        value !== undefined &&
        value !== null &&
        value !== '' &&
        !(Array.isArray(value) && value.length === 0)
      ) {
        problems.add(
          field,
          'MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2',
          `The '${field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2`,
        );
      }
    }
  }
  checkAllowedMentions(body.allowed_mentions, problems);
  problems.check();
  if (content === '' && embeds.length === 0 && components.length === 0 && fileCount === 0)
    throw discordFaults.emptyMessage();
  return { content, embeds: embeds as readonly DiscordEmbedView[], components: withIds(components), flags };
}

/** Discord numbers components that bring no id of their own. */
function withIds(components: readonly Json[]): Json[] {
  let next = 0;
  const number = (part: Json): Json => {
    next += 1;
    const id = typeof part.id === 'number' && part.id !== 0 ? part.id : next;
    return {
      ...part,
      id,
      ...(Array.isArray(part.components) ? { components: asObjects(part.components).map(number) } : {}),
      ...(part.accessory ? { accessory: number(part.accessory as Json) } : {}),
    };
  };
  return components.map(number);
}

function checkEmbeds(embeds: readonly Json[], problems: FormProblems): void {
  if (embeds.length > DISCORD_LIMITS.embeds) problems.badLength('embeds', 0, DISCORD_LIMITS.embeds);
  let total = 0;
  const field = (path: string, value: unknown, charsMax: number) => {
    if (value === undefined || value === null) return;
    if (typeof value !== 'string') return problems.add(path, 'STRING_TYPE_CONVERT', 'Must be string.');
    total += value.length;
    problems.tooLong(path, value, charsMax);
  };
  for (const [index, embed] of embeds.entries()) {
    const at = `embeds.${index}`;
    field(`${at}.title`, embed.title, DISCORD_LIMITS.embedTitleChars);
    field(`${at}.description`, embed.description, DISCORD_LIMITS.embedDescriptionChars);
    field(`${at}.footer.text`, (embed.footer as Json | undefined)?.text, DISCORD_LIMITS.embedFooterChars);
    field(`${at}.author.name`, (embed.author as Json | undefined)?.name, DISCORD_LIMITS.embedTitleChars);
    const fields = asObjects(embed.fields);
    if (fields.length > DISCORD_LIMITS.embedFields)
      problems.badLength(`${at}.fields`, 0, DISCORD_LIMITS.embedFields);
    for (const [position, { name, value }] of fields.entries()) {
      if (!name)
        problems.add(`${at}.fields.${position}.name`, 'BASE_TYPE_REQUIRED', 'This field is required');
      if (!value)
        problems.add(`${at}.fields.${position}.value`, 'BASE_TYPE_REQUIRED', 'This field is required');
      field(`${at}.fields.${position}.name`, name, DISCORD_LIMITS.embedFieldNameChars);
      field(`${at}.fields.${position}.value`, value, DISCORD_LIMITS.embedFieldValueChars);
    }
  }
  if (total > DISCORD_LIMITS.embedTotalChars) {
    problems.add(
      'embeds',
      'MAX_EMBED_SIZE_EXCEEDED',
      `Embed size exceeds maximum size of ${DISCORD_LIMITS.embedTotalChars}`,
    );
  }
}

function checkAllowedMentions(value: unknown, problems: FormProblems): void {
  if (value === undefined || value === null) return;
  const { parse, users, roles } = value as Json;
  for (const [index, kind] of (Array.isArray(parse) ? parse : []).entries()) {
    if (!['users', 'roles', 'everyone'].includes(String(kind))) {
      problems.add(
        `allowed_mentions.parse.${index}`,
        'BASE_TYPE_CHOICES',
        'Value must be one of {"roles", "users", "everyone"}.',
      );
    }
    const listed = kind === 'users' ? users : kind === 'roles' ? roles : undefined;
    if (Array.isArray(listed) && listed.length > 0) {
      problems.add(
        'allowed_mentions',
        'MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE',
        `parse:["${kind}"] and ${kind}: [ids...] are mutually exclusive.`,
      );
    }
  }
}

/**
 * Whom the text pings. Without allowed_mentions a bot's channel message pings everything it names, an interaction
 * answer only users.
 */
export function pingsOf(shown: MessageContent, allowed: unknown, isInteraction: boolean): Pings {
  const parts = flatten(shown.components).filter(({ type }) => type === PART.text);
  const text = [shown.content, ...parts.map((part) => String(part.content ?? ''))].join('\n');
  const rule = (allowed ?? { parse: isInteraction ? ['users'] : ['users', 'roles', 'everyone'] }) as Json;
  const parse = Array.isArray(rule.parse) ? rule.parse : [];
  const listed = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const named = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map((match) => match[1]))];
  const users = named(/<@!?(\d+)>/g);
  const roles = named(/<@&(\d+)>/g);
  return {
    everyone: parse.includes('everyone') && /@(everyone|here)\b/.test(text),
    users: users.filter((id) => parse.includes('users') || listed(rule.users).includes(id)),
    roles: roles.filter((id) => parse.includes('roles') || listed(rule.roles).includes(id)),
  };
}

export function mentionedUsers(
  ids: readonly string[],
  find: (id: string) => DiscordUserView | undefined,
): DiscordUserView[] {
  return ids.flatMap((id) => find(id) ?? []);
}
