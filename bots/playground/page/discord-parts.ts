// Draws the components of a Discord message: button rows, selects, and the V2 layout parts. Used by discord-row.ts.
// Unknown kinds are named in grey rather than hidden. Acts come in as functions.

import { discordNodes, type MentionNames } from './discord-markdown.ts';
import { el } from './page-dom.ts';
import { richElements } from './rich-dom.ts';
import { safeUrl } from './rich-nodes.ts';
import type { DiscordComponentView, DiscordEmojiView } from './view-types.ts';

export interface PartActs {
  press(customId: string, values?: readonly string[]): void;
}

const STYLES = ['', 'primary', 'secondary', 'success', 'danger', 'link', 'premium'];

export const emojiText = (emoji: DiscordEmojiView | undefined): string =>
  emoji ? (emoji.id ? `:${emoji.name}:` : (emoji.name ?? '')) : '';

export function discordParts(
  parts: readonly DiscordComponentView[],
  names: MentionNames,
  acts: PartActs,
): HTMLElement[] {
  return parts.map((part) => discordPart(part, names, acts));
}

function discordPart(part: DiscordComponentView, names: MentionNames, acts: PartActs): HTMLElement {
  const inner = () => discordParts(part.components ?? [], names, acts);
  switch (part.type) {
    case 1:
      return el('div', { class: 'dc-actions' }, ...inner());
    case 2:
      return button(part, acts);
    case 3:
      return select(part, acts);
    case 9:
      return el(
        'div',
        { class: 'dc-section' },
        el('div', {}, ...inner()),
        part.accessory ? discordPart(part.accessory, names, acts) : null,
      );
    case 10:
      return el('div', { class: 'dc-text' }, ...richElements(discordNodes(part.content ?? '', names)));
    case 14:
      return el('hr', { class: part.divider === false ? 'dc-gap' : 'dc-divider' });
    case 17: {
      const container = el('div', { class: 'dc-container' }, ...inner());
      if (part.accent_color)
        container.style.setProperty('--accent', `#${part.accent_color.toString(16).padStart(6, '0')}`);
      return container;
    }
    default:
      return el('div', { class: 'dc-unknown' }, `(component of type ${part.type})`);
  }
}

function button(part: DiscordComponentView, acts: PartActs): HTMLElement {
  const style = STYLES[part.style ?? 2];
  const emoji = emojiText(part.emoji);
  const words = [
    emoji === '' ? null : el('span', { class: 'dc-emoji' }, emoji),
    part.label ? el('span', {}, part.label) : null,
  ];
  const url = part.url === undefined ? undefined : safeUrl(part.url);
  if (url !== undefined) {
    return el(
      'a',
      {
        class: `dc-button ${style}`,
        testid: 'bot-button',
        title: url,
        attrs: { href: url, target: '_blank', rel: 'noopener noreferrer' },
      },
      ...words,
      el('span', { attrs: { 'aria-hidden': 'true' } }, '↗'),
    );
  }
  const element = el(
    'button',
    { class: `dc-button ${style}`, testid: 'bot-button', attrs: { type: 'button' } },
    ...words,
  );
  element.disabled = part.disabled === true;
  element.addEventListener('click', () => {
    if (part.custom_id === undefined) return;
    element.classList.add('waiting');
    setTimeout(() => element.classList.remove('waiting'), 3000);
    acts.press(part.custom_id);
  });
  return element;
}

function select(part: DiscordComponentView, acts: PartActs): HTMLElement {
  const isMany = (part.max_values ?? 1) > 1;
  const field = el('select', {
    class: 'dc-select',
    testid: 'bot-select',
    attrs: { 'aria-label': part.placeholder ?? 'Choose', ...(isMany ? { multiple: '' } : {}) },
  });
  field.disabled = part.disabled === true;
  const options = part.options ?? [];
  if (!isMany)
    field.append(
      el(
        'option',
        { attrs: { value: '', disabled: '', selected: '' } },
        part.placeholder ?? 'Make a selection',
      ),
    );
  for (const { value, label, description, default: isDefault } of options) {
    const option = el('option', { attrs: { value } }, description ? `${label} — ${description}` : label);
    option.selected = isDefault === true;
    field.append(option);
  }
  const submit = () => {
    const values = [...field.selectedOptions].map((option) => option.value);
    if (part.custom_id !== undefined && values.length > 0) acts.press(part.custom_id, values);
  };
  if (!isMany) {
    field.addEventListener('change', submit);
    return field;
  }
  return el(
    'div',
    { class: 'dc-many' },
    field,
    el(
      'button',
      { class: 'dc-button secondary', attrs: { type: 'button' }, on: { click: submit } },
      'Choose',
    ),
  );
}
