// Checks application commands as Discord registers them, and the values a person enters for their options.
// Used by the command routes and discord-person.ts. Pure.

import type { SlashOptionView } from '../page/view-types.ts';
import { asObjects } from './component-checks.ts';
import { collectProblems, type FormProblems } from './discord-faults.ts';
import { DISCORD_IDS, type Json } from './discord-shapes.ts';
import type { StoredCommand } from './discord-world.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';

const NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;
export const OPTION = {
  sub: 1,
  group: 2,
  text: 3,
  integer: 4,
  yes: 5,
  user: 6,
  channel: 7,
  role: 8,
  mention: 9,
  number: 10,
  file: 11,
} as const;
const CHAT_INPUT = 1;

/** @throws 50035 with paths by index, as for a bulk overwrite */
export function checkCommands(
  list: readonly Json[],
  guildId: string | null,
  newId: () => string,
): StoredCommand[] {
  const problems = collectProblems();
  const chatInput = list.filter((command) => (command.type ?? CHAT_INPUT) === CHAT_INPUT);
  if (chatInput.length > DISCORD_LIMITS.commandsChatInput) {
    problems.add(
      '',
      'APPLICATION_COMMAND_TOO_MANY',
      `Maximum number of application commands reached (${DISCORD_LIMITS.commandsChatInput}).`,
    );
  }
  const names = new Set<string>();
  for (const [index, command] of list.entries()) {
    checkCommand(command, `${index}`, problems);
    const key = `${String(command.type ?? CHAT_INPUT)}:${String(command.name)}`;
    if (names.has(key))
      problems.add(
        `${index}.name`,
        'APPLICATION_COMMANDS_DUPLICATE_NAME',
        'Application command names must be unique',
      );
    names.add(key);
  }
  problems.check();
  return list.map((command) => storedCommand(command, guildId, newId()));
}

function storedCommand(command: Json, guildId: string | null, id: string): StoredCommand {
  const raw: Json = {
    id,
    application_id: DISCORD_IDS.application,
    version: id,
    type: command.type ?? CHAT_INPUT,
    name: command.name,
    name_localizations: command.name_localizations ?? null,
    description: command.description ?? '',
    description_localizations: command.description_localizations ?? null,
    default_member_permissions: command.default_member_permissions ?? null,
    dm_permission: command.dm_permission ?? true,
    contexts: command.contexts ?? null,
    integration_types: command.integration_types ?? [0],
    nsfw: command.nsfw ?? false,
    ...(command.options ? { options: command.options } : {}),
    ...(guildId ? { guild_id: guildId } : {}),
  };
  return {
    id,
    guild_id: guildId,
    type: Number(raw.type),
    name: String(command.name),
    description: String(raw.description),
    options: asObjects(command.options) as unknown as SlashOptionView[],
    contexts: (command.contexts ?? null) as number[] | null,
    raw,
  };
}

function checkName(name: unknown, at: string, isChatInput: boolean, problems: FormProblems): void {
  if (typeof name !== 'string' || name === '')
    problems.add(`${at}.name`, 'BASE_TYPE_REQUIRED', 'This field is required');
  else if (name.length > DISCORD_LIMITS.commandNameChars)
    problems.badLength(`${at}.name`, 1, DISCORD_LIMITS.commandNameChars);
  else if (isChatInput && (!NAME.test(name) || name !== name.toLowerCase())) {
    problems.add(`${at}.name`, 'APPLICATION_COMMAND_INVALID_NAME', 'Command name is invalid');
  }
}

function checkDescription(description: unknown, at: string, problems: FormProblems): void {
  if (typeof description !== 'string' || description === '') {
    problems.add(`${at}.description`, 'BASE_TYPE_REQUIRED', 'This field is required');
  } else if (description.length > DISCORD_LIMITS.commandDescriptionChars) {
    problems.badLength(`${at}.description`, 1, DISCORD_LIMITS.commandDescriptionChars);
  }
}

function checkCommand(command: Json, at: string, problems: FormProblems): void {
  const isChatInput = (command.type ?? CHAT_INPUT) === CHAT_INPUT;
  checkName(command.name, at, isChatInput, problems);
  if (!isChatInput) return;
  checkDescription(command.description, at, problems);
  checkOptions(asObjects(command.options), `${at}.options`, problems);
  if (
    JSON.stringify([command.name, command.description, command.options ?? []]).length >
    DISCORD_LIMITS.commandTotalChars
  ) {
    problems.add(
      at,
      'APPLICATION_COMMAND_TOO_LARGE',
      `Command exceeds maximum size (${DISCORD_LIMITS.commandTotalChars})`,
    );
  }
}

function checkOptions(options: readonly Json[], at: string, problems: FormProblems): void {
  if (options.length > DISCORD_LIMITS.commandOptions)
    problems.badLength(at, 0, DISCORD_LIMITS.commandOptions);
  const names = new Set<unknown>();
  let optionalSeen = false;
  for (const [index, option] of options.entries()) {
    const here = `${at}.${index}`;
    checkName(option.name, here, true, problems);
    checkDescription(option.description, here, problems);
    if (names.has(option.name))
      problems.add(
        `${here}.name`,
        'APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS',
        'Option names must be unique',
      );
    names.add(option.name);
    if (
      !Number.isInteger(option.type) ||
      Number(option.type) < OPTION.sub ||
      Number(option.type) > OPTION.file
    ) {
      problems.add(
        `${here}.type`,
        'BASE_TYPE_CHOICES',
        'Value must be one of {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}.',
      );
    }
    if (option.required === true && optionalSeen) {
      problems.add(
        here,
        'APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID',
        'Required options must be placed before non-required options',
      );
    }
    optionalSeen ||= option.required !== true;
    const choices = asObjects(option.choices);
    if (choices.length > DISCORD_LIMITS.commandChoices)
      problems.badLength(`${here}.choices`, 0, DISCORD_LIMITS.commandChoices);
    for (const [position, { name, value }] of choices.entries()) {
      if (typeof name !== 'string' || name === '' || name.length > DISCORD_LIMITS.choiceNameChars) {
        problems.badLength(`${here}.choices.${position}.name`, 1, DISCORD_LIMITS.choiceNameChars);
      }
      if (value === undefined)
        problems.add(`${here}.choices.${position}.value`, 'BASE_TYPE_REQUIRED', 'This field is required');
    }
    if (option.autocomplete === true && choices.length > 0) {
      problems.add(
        `${here}.choices`,
        'APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES',
        'Autocomplete options cannot have choices',
      );
    }
    if (option.options !== undefined) checkOptions(asObjects(option.options), `${here}.options`, problems);
  }
}

export type OptionValue = string | number | boolean;

type OptionReading =
  | { readonly ok: true; readonly options: readonly Json[] }
  | { readonly ok: false; readonly option: string; readonly error: string };

/** The `data.options` of an interaction from what the person typed, or the app's complaint about one field. */
export function readOptionValues(
  declared: readonly SlashOptionView[],
  values: Readonly<Record<string, OptionValue>>,
  partial: boolean,
): OptionReading {
  const options: Json[] = [];
  for (const option of declared) {
    const raw = values[option.name];
    if (raw === undefined || raw === '') {
      if (option.required && !partial)
        return { ok: false, option: option.name, error: 'This option is required.' };
      continue;
    }
    const error = partial ? undefined : valueError(option, raw);
    if (error !== undefined) return { ok: false, option: option.name, error };
    options.push({ type: option.type, name: option.name, value: typed(option.type, raw) });
  }
  return { ok: true, options };
}

function typed(type: number, raw: OptionValue): OptionValue {
  if (type === OPTION.integer || type === OPTION.number) return Number(raw);
  if (type === OPTION.yes) return raw === true || String(raw).toLowerCase() === 'true';
  return String(raw);
}

function valueError(option: SlashOptionView, raw: OptionValue): string | undefined {
  if (option.type === OPTION.integer || option.type === OPTION.number) {
    const number = Number(raw);
    if (!Number.isFinite(number) || (option.type === OPTION.integer && !Number.isInteger(number)))
      return 'Enter a valid number.';
    if (option.min_value !== undefined && number < option.min_value)
      return `Must be at least ${option.min_value}.`;
    if (option.max_value !== undefined && number > option.max_value)
      return `Must be at most ${option.max_value}.`;
  }
  if (option.choices?.length && !option.choices.some(({ value }) => String(value) === String(raw)))
    return 'Choose one of the options.';
  if (option.type !== OPTION.text) return undefined;
  const { length } = String(raw);
  const max = option.max_length ?? DISCORD_LIMITS.slashTextChars;
  if (length > max) return `Must be ${max} or fewer in length.`;
  if (length < (option.min_length ?? 0)) return `Must be at least ${option.min_length} in length.`;
  return undefined;
}
