// Draws a Discord modal as a dialog and collects its answers: text inputs, selects, radio groups, checkboxes, text.
// Used by discord-pane.ts. The server checks the answers; its complaints are shown under the fields.

import { discordNodes, type MentionNames } from './discord-markdown.ts';
import type { ActAnswer } from './page-connection.ts';
import { el } from './page-dom.ts';
import { richElements } from './rich-dom.ts';
import type { DiscordComponentView, DiscordModalView } from './view-types.ts';

type Answer = string | readonly string[] | boolean | undefined;

interface Field {
  readonly id: string;
  readonly read: () => Answer;
  readonly complaint: HTMLElement;
}

export interface ModalDialog {
  /** Shows, replaces or closes the form. */
  draw(modal: DiscordModalView | null): void;
}

const NO_NAMES: MentionNames = {
  user: () => ({ name: 'user', ping: false }),
  role: () => ({ name: 'role', ping: false }),
  channel: () => 'channel',
  everyonePinged: false,
};

export function createModalDialog(
  submit: (interactionId: string, answers: Readonly<Record<string, Answer>>) => Promise<ActAnswer>,
  close: () => void,
): ModalDialog {
  let shown: DiscordModalView | null = null;
  let dialog: HTMLDialogElement | undefined;

  const open = (modal: DiscordModalView): HTMLDialogElement => {
    const fields: Field[] = [];
    const parts = modal.components.map((part) => drawPart(part, fields));
    const failure = el('p', { class: 'dc-complaint', attrs: { role: 'alert' } });
    const form = el(
      'form',
      { attrs: { method: 'dialog', novalidate: '' } },
      el(
        'header',
        {},
        el('h2', {}, modal.title),
        el(
          'button',
          {
            class: 'dc-close',
            title: 'Close',
            attrs: { type: 'button', 'aria-label': 'Close' },
            on: { click: close },
          },
          '✕',
        ),
      ),
      el(
        'p',
        { class: 'dc-modal-note' },
        'This form goes to the bot. Do not share passwords or other secrets.',
      ),
      ...parts,
      failure,
      el(
        'footer',
        {},
        el(
          'button',
          {
            class: 'dc-cancel',
            testid: 'discord-modal-cancel',
            attrs: { type: 'button' },
            on: { click: close },
          },
          'Cancel',
        ),
        el(
          'button',
          { class: 'dc-button primary', testid: 'discord-modal-submit', attrs: { type: 'submit' } },
          'Submit',
        ),
      ),
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const answers = Object.fromEntries(fields.map(({ id, read }) => [id, read()]));
      const answer = await submit(modal.interaction_id, answers);
      for (const { id, complaint } of fields) complaint.textContent = answer.fields?.[id] ?? '';
      failure.textContent = answer.ok || answer.fields ? '' : 'Something went wrong. Try again.';
    });
    const element = el('dialog', { class: 'dc-modal', testid: 'discord-modal' }, form);
    element.addEventListener('cancel', (event) => {
      event.preventDefault();
      close();
    });
    return element;
  };

  return {
    draw(modal) {
      if (modal?.interaction_id === shown?.interaction_id) return;
      shown = modal;
      dialog?.remove();
      dialog = undefined;
      if (modal === null) return;
      dialog = open(modal);
      document.body.append(dialog);
      dialog.showModal();
      dialog.querySelector<HTMLElement>('input, textarea, select')?.focus();
    },
  };
}

function drawPart(part: DiscordComponentView, fields: Field[]): HTMLElement {
  if (part.type === 10)
    return el('div', { class: 'dc-text' }, ...richElements(discordNodes(part.content ?? '', NO_NAMES)));
  const input = part.component ?? part.components?.[0];
  if (input?.custom_id === undefined)
    return el('div', { class: 'dc-unknown' }, `(component of type ${part.type})`);
  const complaint = el('span', { class: 'dc-complaint', attrs: { role: 'alert' } });
  const { element, read } = drawInput(input);
  fields.push({ id: input.custom_id, read, complaint });
  const isRequired = input.required !== false && input.type !== 23;
  const label = el(
    'span',
    { class: 'dc-label' },
    part.label ?? input.label ?? '',
    isRequired ? el('i', { class: 'dc-required', attrs: { 'aria-label': 'required' } }, ' *') : null,
  );
  const isGroup = input.type === 21 || input.type === 22;
  return el(
    isGroup ? 'div' : 'label',
    { class: 'dc-form-field' },
    label,
    part.description ? el('span', { class: 'dc-hint' }, part.description) : null,
    element,
    complaint,
  );
}

function drawInput(input: DiscordComponentView): {
  readonly element: HTMLElement;
  readonly read: () => Answer;
} {
  const testid = `modal-field-${input.custom_id}`;
  if (input.type === 3) {
    const isMany = (input.max_values ?? 1) > 1;
    const field = el('select', { testid, attrs: isMany ? { multiple: '' } : {} });
    if (!isMany)
      field.append(el('option', { attrs: { value: '' } }, input.placeholder ?? 'Make a selection'));
    for (const { value, label } of input.options ?? [])
      field.append(el('option', { attrs: { value } }, label));
    return {
      element: field,
      read: () => [...field.selectedOptions].map((option) => option.value).filter((value) => value !== ''),
    };
  }
  if (input.type === 21 || input.type === 22) {
    const kind = input.type === 21 ? 'radio' : 'checkbox';
    const boxes = (input.options ?? []).map(({ value, label, description, default: isDefault }) => {
      const box = el('input', { attrs: { type: kind, name: input.custom_id ?? '', value } });
      box.checked = isDefault === true;
      return {
        box,
        line: el(
          'label',
          { class: 'dc-choice' },
          box,
          el('span', {}, label, description ? el('small', {}, description) : null),
        ),
      };
    });
    const read = (): Answer => {
      const values = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
      return kind === 'radio' ? values[0] : values;
    };
    return { element: el('div', { testid, class: 'dc-choices' }, ...boxes.map(({ line }) => line)), read };
  }
  if (input.type === 23) {
    const box = el('input', { testid, attrs: { type: 'checkbox' } });
    box.checked = input.default === true;
    return { element: box, read: () => box.checked };
  }
  const attrs = {
    placeholder: input.placeholder ?? '',
    maxlength: String(input.max_length ?? 4000),
    autocomplete: 'off',
    ...(input.style === 2 ? { rows: '5' } : { type: 'text' }),
  };
  const field = input.style === 2 ? el('textarea', { testid, attrs }) : el('input', { testid, attrs });
  field.value = input.value ?? '';
  return { element: field, read: () => field.value };
}
