// Discord's slash commands while they are typed: the list behind "/", then one field per option, with suggestions.
// Used by discord-composer.ts. Keeps the command being filled in; everything else comes in by name.

import type { ActAnswer } from './page-connection.ts';
import { el } from './page-dom.ts';
import type { SlashCommandView, SlashOptionView } from './view-types.ts';

export interface SlashPicker {
  readonly list: HTMLElement;
  readonly fields: HTMLElement;
  /** Shows the commands that begin with what follows the "/"; an empty list hides it. */
  suggest(typed: string | undefined): void;
  move(step: number): void;
  /** Takes the highlighted command; false when the list is closed. */
  take(): boolean;
  isFilling(): boolean;
  cancel(): void;
}

export interface SlashPickerDeps {
  commands(): readonly SlashCommandView[];
  botName(): string;
  submit(name: string, options: Readonly<Record<string, string>>): Promise<ActAnswer>;
  complete(name: string, options: Readonly<Record<string, string>>, focused: string): Promise<ActAnswer>;
  /** Called when a command is taken or let go, so that the text field can step aside. */
  onFilling(isFilling: boolean): void;
}

interface Entry {
  readonly name: string;
  readonly description: string;
  readonly options: readonly SlashOptionView[];
}

const SUBCOMMAND = 1;
const GROUP = 2;
const COMPLETE_AFTER_MS = 200;

/** Commands and their subcommands as one flat list ("datanet show"). */
function entries(commands: readonly SlashCommandView[]): Entry[] {
  const open = (name: string, description: string, options: readonly SlashOptionView[]): Entry[] => {
    const subs = options.filter(({ type }) => type === SUBCOMMAND || type === GROUP);
    if (subs.length === 0) return [{ name, description, options }];
    return subs.flatMap((sub) => open(`${name} ${sub.name}`, sub.description, sub.options ?? []));
  };
  return commands
    .filter(({ type }) => type === 1)
    .flatMap((command) => open(command.name, command.description, command.options ?? []));
}

export function createSlashPicker(deps: SlashPickerDeps): SlashPicker {
  const list = el('div', {
    class: 'dc-commands',
    testid: 'discord-commands',
    attrs: { role: 'listbox', 'aria-label': 'Commands', hidden: '' },
  });
  const fields = el('form', { class: 'dc-slash', testid: 'discord-slash', attrs: { hidden: '' } });
  let shown: readonly Entry[] = [];
  let chosen = 0;
  let filling: Entry | undefined;

  const drawList = () => {
    list.hidden = shown.length === 0;
    list.replaceChildren(
      el('div', { class: 'dc-commands-title' }, deps.botName()),
      ...shown.map((entry, index) =>
        el(
          'button',
          {
            class: 'dc-command',
            testid: `discord-command-${entry.name.replaceAll(' ', '-')}`,
            attrs: { type: 'button', role: 'option', 'aria-selected': String(index === chosen) },
            on: { click: () => fill(entry) },
          },
          el(
            'span',
            { class: 'dc-command-name' },
            `/${entry.name}`,
            ...entry.options.map((option) => el('span', { class: 'dc-command-option' }, option.name)),
          ),
          el('span', { class: 'dc-command-description' }, entry.description),
        ),
      ),
    );
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  };
  const stop = () => {
    filling = undefined;
    fields.hidden = true;
    fields.replaceChildren();
    deps.onFilling(false);
  };
  const fill = (entry: Entry) => {
    shown = [];
    drawList();
    filling = entry;
    const complaint = el('span', { class: 'dc-complaint', attrs: { role: 'alert' } });
    const inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();
    const values = () =>
      Object.fromEntries(
        [...inputs].map(([name, input]) => [name, input.value]).filter(([, value]) => value !== ''),
      );
    const submit = async () => {
      const { ok, error, fields: complaints } = await deps.submit(entry.name, values());
      if (ok) {
        stop();
        return;
      }
      const [first] = Object.entries(complaints ?? {});
      complaint.textContent = first ? `${first[0]}: ${first[1]}` : `Not possible (${error}).`;
      if (first) inputs.get(first[0])?.focus();
    };
    fields.hidden = false;
    fields.replaceChildren(
      el('span', { class: 'dc-slash-name' }, `/${entry.name}`),
      ...entry.options.map((option) => {
        const { element, input } = optionField(option, () =>
          deps.complete(entry.name, values(), option.name),
        );
        inputs.set(option.name, input);
        return element;
      }),
      el(
        'button',
        {
          class: 'dc-slash-send',
          testid: 'discord-slash-send',
          title: 'Send',
          attrs: { type: 'submit', 'aria-label': 'Send the command' },
        },
        '➤',
      ),
      complaint,
    );
    fields.onsubmit = (event) => {
      event.preventDefault();
      void submit();
    };
    deps.onFilling(true);
    const [first] = inputs.values();
    if (first) first.focus();
    else fields.querySelector<HTMLElement>('.dc-slash-send')?.focus();
  };
  fields.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') stop();
  });

  return {
    list,
    fields,
    suggest(typed) {
      const wanted = typed?.toLowerCase();
      shown =
        wanted === undefined ? [] : entries(deps.commands()).filter(({ name }) => name.startsWith(wanted));
      chosen = 0;
      drawList();
    },
    move(step) {
      if (shown.length === 0) return;
      chosen = (chosen + step + shown.length) % shown.length;
      drawList();
    },
    take() {
      if (shown.length === 0) return false;
      fill(shown[chosen]);
      return true;
    },
    isFilling: () => filling !== undefined,
    cancel() {
      shown = [];
      drawList();
      stop();
    },
  };
}

function optionField(
  option: SlashOptionView,
  complete: () => Promise<ActAnswer>,
): { readonly element: HTMLElement; readonly input: HTMLInputElement | HTMLSelectElement } {
  const testid = `slash-option-${option.name}`;
  const label = el('span', {}, option.name, option.required ? el('i', { class: 'dc-required' }, '*') : null);
  const choices =
    option.type === 5
      ? [
          { name: 'True', value: 'true' },
          { name: 'False', value: 'false' },
        ]
      : (option.choices ?? []);
  if (choices.length > 0) {
    const input = el(
      'select',
      { testid, title: option.description },
      el('option', { attrs: { value: '' } }, '…'),
      ...choices.map(({ name, value }) => el('option', { attrs: { value: String(value) } }, name)),
    );
    return { element: el('label', { class: 'dc-option' }, label, input), input };
  }
  const input = el('input', {
    testid,
    title: option.description,
    attrs: {
      type: 'text',
      placeholder: option.description,
      autocomplete: 'off',
      ...(option.max_length ? { maxlength: String(option.max_length) } : {}),
    },
  });
  const element = el('label', { class: 'dc-option' }, label, input);
  if (option.autocomplete) suggestWhileTyping(element, input, complete);
  return { element, input };
}

function suggestWhileTyping(
  element: HTMLElement,
  input: HTMLInputElement,
  complete: () => Promise<ActAnswer>,
): void {
  const box = el('div', { class: 'dc-suggestions', attrs: { hidden: '' } });
  element.append(box);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async () => {
    const { choices = [] } = await complete();
    box.hidden = choices.length === 0;
    box.replaceChildren(
      ...choices.map(({ name, value }) =>
        el(
          'button',
          {
            testid: 'slash-suggestion',
            attrs: { type: 'button' },
            on: {
              click: () => {
                input.value = String(value);
                box.hidden = true;
                input.focus();
              },
            },
          },
          name,
        ),
      ),
    );
  };
  const plan = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), COMPLETE_AFTER_MS);
  };
  input.addEventListener('input', plan);
  input.addEventListener('focus', plan);
  input.addEventListener('blur', () =>
    setTimeout(() => {
      box.hidden = true;
    }, COMPLETE_AFTER_MS),
  );
}
