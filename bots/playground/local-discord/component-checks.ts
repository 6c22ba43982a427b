// Checks of message components (buttons, selects, the V2 layout parts) with Discord's error paths and codes.
// Used for every message body. Pure: adds to the collected problems, returns nothing.

import type { FormProblems } from './discord-faults.ts';
import type { Json } from './discord-shapes.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';

export const PART = {
  row: 1,
  button: 2,
  stringSelect: 3,
  textInput: 4,
  userSelect: 5,
  channelSelect: 8,
  section: 9,
  text: 10,
  thumbnail: 11,
  gallery: 12,
  file: 13,
  separator: 14,
  container: 17,
  label: 18,
  fileUpload: 19,
  radioGroup: 21,
  checkboxGroup: 22,
  checkbox: 23,
} as const;

const TOP_LEVEL_V2: readonly number[] = [
  PART.row,
  PART.section,
  PART.text,
  PART.gallery,
  PART.file,
  PART.separator,
  PART.container,
];
const LINK_STYLE = 5;
const PREMIUM_STYLE = 6;

export const asObjects = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

/** @param path where the list stands in the body, usually "components" */
export function checkComponents(list: unknown, isV2: boolean, path: string, problems: FormProblems): void {
  if (!Array.isArray(list)) {
    problems.add(path, 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
    return;
  }
  const seenIds = new Set<string>();
  if (!isV2 && list.length > DISCORD_LIMITS.rows) problems.badLength(path, 1, DISCORD_LIMITS.rows);
  for (const [index, component] of asObjects(list).entries()) {
    const at = `${path}.${index}`;
    const allowed = isV2 ? TOP_LEVEL_V2 : [PART.row];
    if (!allowed.includes(Number(component?.type))) {
      problems.add(
        `${at}.type`,
        'UNION_TYPE_CHOICES',
        `Value of field "type" must be one of (${allowed.join(', ')},).`,
      );
      continue;
    }
    checkComponent(component, at, seenIds, problems);
  }
  if (!isV2) return;
  const everything = flatten(asObjects(list));
  if (everything.length > DISCORD_LIMITS.componentsV2) {
    problems.add(
      path,
      'COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED',
      `The total number of components cannot exceed ${DISCORD_LIMITS.componentsV2}`,
    );
  }
  const shown = everything
    .filter(({ type }) => type === PART.text)
    .reduce((sum, part) => sum + String(part.content ?? '').length, 0);
  if (shown > DISCORD_LIMITS.displayTextChars) {
    problems.add(
      path,
      'COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED',
      `The displayable text size exceeds the maximum size of ${DISCORD_LIMITS.displayTextChars}`,
    );
  }
}

/** Every component in the tree, parents first. */
export function flatten(list: readonly Json[]): Json[] {
  return list.flatMap((part) => [
    part,
    ...flatten(asObjects(part.components)),
    ...(part.accessory ? flatten([part.accessory as Json]) : []),
    ...(part.component ? flatten([part.component as Json]) : []),
  ]);
}

function checkComponent(part: Json, at: string, seenIds: Set<string>, problems: FormProblems): void {
  switch (part.type) {
    case PART.row:
      checkRow(part, at, seenIds, problems);
      return;
    case PART.button:
      checkButton(part, at, seenIds, problems);
      return;
    case PART.text:
      if (typeof part.content !== 'string' || part.content.trim() === '')
        problems.badLength(`${at}.content`, 1, 4000);
      else problems.tooLong(`${at}.content`, part.content, DISCORD_LIMITS.displayTextChars);
      return;
    case PART.section: {
      const texts = asObjects(part.components);
      if (texts.length < 1 || texts.length > 3) problems.badLength(`${at}.components`, 1, 3);
      for (const [index, text] of texts.entries())
        checkComponent(text, `${at}.components.${index}`, seenIds, problems);
      if (part.accessory === undefined)
        problems.add(`${at}.accessory`, 'BASE_TYPE_REQUIRED', 'This field is required');
      else checkComponent(part.accessory as Json, `${at}.accessory`, seenIds, problems);
      return;
    }
    case PART.container: {
      const inner = asObjects(part.components);
      if (inner.length === 0) problems.badLength(`${at}.components`, 1, 40);
      for (const [index, child] of inner.entries())
        checkComponent(child, `${at}.components.${index}`, seenIds, problems);
      return;
    }
    default:
      if (Number(part.type) >= PART.stringSelect && Number(part.type) <= PART.channelSelect)
        checkSelect(part, at, seenIds, problems);
  }
}

function checkRow(row: Json, at: string, seenIds: Set<string>, problems: FormProblems): void {
  const inner = asObjects(row.components);
  if (inner.length < 1 || inner.length > DISCORD_LIMITS.rowButtons) {
    problems.badLength(`${at}.components`, 1, DISCORD_LIMITS.rowButtons);
  }
  const selects = inner.filter(({ type }) => type !== PART.button);
  if (selects.length > 0 && inner.length > 1) {
    problems.add(
      `${at}.components`,
      'COMPONENT_LAYOUT_WIDTH_EXCEEDED',
      'The specified component exceeds the maximum width',
    );
  }
  for (const [index, part] of inner.entries()) {
    const inside = `${at}.components.${index}`;
    const type = Number(part?.type);
    if (type === PART.textInput || type > PART.channelSelect || !(type >= PART.button)) {
      problems.add(
        `${inside}.type`,
        'UNION_TYPE_CHOICES',
        'Value of field "type" must be one of (2, 3, 5, 6, 7, 8).',
      );
    } else {
      checkComponent(part, inside, seenIds, problems);
    }
  }
}

function checkCustomId(part: Json, at: string, seenIds: Set<string>, problems: FormProblems): void {
  const id = part.custom_id;
  if (typeof id !== 'string' || id === '') {
    problems.add(`${at}.custom_id`, 'BASE_TYPE_REQUIRED', 'This field is required');
    return;
  }
  problems.tooLong(`${at}.custom_id`, id, DISCORD_LIMITS.customIdChars);
  if (seenIds.has(id)) {
    problems.add(
      `${at}.custom_id`,
      'COMPONENT_CUSTOM_ID_DUPLICATED',
      'Component custom id cannot be duplicated',
    );
  }
  seenIds.add(id);
}

function checkButton(button: Json, at: string, seenIds: Set<string>, problems: FormProblems): void {
  const style = Number(button.style);
  if (!Number.isInteger(style) || style < 1 || style > PREMIUM_STYLE) {
    problems.add(`${at}.style`, 'BASE_TYPE_CHOICES', 'Value must be one of {1, 2, 3, 4, 5, 6}.');
    return;
  }
  if (style === PREMIUM_STYLE) {
    if (button.sku_id === undefined)
      problems.add(`${at}.sku_id`, 'BASE_TYPE_REQUIRED', 'This field is required');
    return;
  }
  if (style === LINK_STYLE) {
    if (typeof button.url !== 'string' || !/^(https?|discord):\/\/\S+$/.test(button.url)) {
      problems.add(`${at}.url`, 'URL_TYPE_INVALID_URL', 'Not a well formed URL.');
    }
    if (button.custom_id !== undefined) {
      problems.add(
        `${at}.custom_id`,
        'BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE',
        'A custom id and url cannot both be specified',
      );
    }
  } else {
    checkCustomId(button, at, seenIds, problems);
  }
  const label = button.label ?? '';
  if (typeof label !== 'string') problems.add(`${at}.label`, 'STRING_TYPE_CONVERT', 'Must be string.');
  else if (label.length > DISCORD_LIMITS.buttonLabelChars)
    problems.tooLong(`${at}.label`, label, DISCORD_LIMITS.buttonLabelChars);
  else if (label.trim() === '' && !button.emoji) {
    problems.add(at, 'BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED', 'A label or emoji is required');
  }
  const emoji = button.emoji as Json | undefined | null;
  if (
    emoji &&
    !emoji.id &&
    (typeof emoji.name !== 'string' ||
      !/\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20E3/u.test(emoji.name))
  ) {
    problems.add(`${at}.emoji.name`, 'COMPONENT_INVALID_EMOJI', 'Invalid emoji');
  }
}

function checkSelect(select: Json, at: string, seenIds: Set<string>, problems: FormProblems): void {
  checkCustomId(select, at, seenIds, problems);
  if (typeof select.placeholder === 'string') {
    problems.tooLong(`${at}.placeholder`, select.placeholder, DISCORD_LIMITS.placeholderChars);
  }
  if (select.type === PART.stringSelect)
    checkChoices(select.options, `${at}.options`, DISCORD_LIMITS.selectOptions, problems);
}

/** Options of a select, radio group or checkbox group: 1 to `countMax`, each with a label and a value of its own. */
export function checkChoices(value: unknown, at: string, countMax: number, problems: FormProblems): void {
  const options = asObjects(value);
  if (options.length < 1 || options.length > countMax) problems.badLength(at, 1, countMax);
  const values = new Set<unknown>();
  for (const [index, option] of options.entries()) {
    for (const field of ['label', 'value'] as const) {
      const text = option?.[field];
      if (typeof text !== 'string' || text === '')
        problems.add(`${at}.${index}.${field}`, 'BASE_TYPE_REQUIRED', 'This field is required');
      else problems.tooLong(`${at}.${index}.${field}`, text, DISCORD_LIMITS.optionChars);
    }
    if (values.has(option?.value)) {
      problems.add(
        `${at}.${index}.value`,
        'SELECT_COMPONENT_OPTION_VALUE_DUPLICATED',
        'The specified option value is already used',
      );
    }
    values.add(option?.value);
  }
}
