// The input side of the Discord pane: text field, reply bar, slash commands, the app's own complaints about length.
// Used by discord-pane.ts. Keeps only what is being typed and what it replies to.

import type { ActAnswer } from './page-connection.ts';
import { el, growWithText } from './page-dom.ts';
import { createSlashPicker } from './slash-picker.ts';
import type { DiscordMessageView, SlashCommandView } from './view-types.ts';

export interface DiscordComposer {
  readonly element: HTMLElement;
  draw(state: {
    readonly commands: readonly SlashCommandView[];
    readonly botName: string;
    readonly placeholder: string;
  }): void;
  replyTo(message: DiscordMessageView): void;
  reset(): void;
}

export interface DiscordComposerDeps {
  send(text: string, replyTo: string | undefined): Promise<ActAnswer>;
  slash(name: string, options: Readonly<Record<string, string>>): Promise<ActAnswer>;
  complete(name: string, options: Readonly<Record<string, string>>, focused: string): Promise<ActAnswer>;
  onSent(): void;
}

const COMPLAINTS: Readonly<Record<string, string>> = {
  message_too_long: 'Your message is too long: Discord takes at most 2,000 characters.',
  thread_locked: 'This thread is closed.',
  not_connected: 'No connection.',
};
const COUNTER_FROM = 1800;
const CONTENT_CHARS = 2000;

export function createDiscordComposer(deps: DiscordComposerDeps): DiscordComposer {
  let commands: readonly SlashCommandView[] = [];
  let botName = '';
  let replied: DiscordMessageView | undefined;

  const field = el('textarea', {
    class: 'dc-field',
    testid: 'discord-input',
    attrs: { rows: '1', 'aria-label': 'Message', autocomplete: 'off' },
  });
  const counter = el('span', { class: 'dc-counter', attrs: { 'aria-live': 'off' } });
  const sendButton = el(
    'button',
    {
      class: 'dc-send',
      testid: 'discord-send',
      title: 'Send',
      attrs: { type: 'button', 'aria-label': 'Send' },
    },
    '➤',
  );
  const complaint = el('div', {
    class: 'dc-complaint',
    testid: 'discord-complaint',
    attrs: { role: 'alert' },
  });
  const replyBar = el('div', { class: 'dc-reply-bar', attrs: { hidden: '' } });
  const box = el('div', { class: 'dc-box' }, field, counter, sendButton);
  const picker = createSlashPicker({
    commands: () => commands,
    botName: () => botName,
    submit: async (name, options) => {
      const answer = await deps.slash(name, options);
      if (answer.ok) deps.onSent();
      return answer;
    },
    complete: deps.complete,
    onFilling(isFilling) {
      box.hidden = isFilling;
      field.value = '';
      if (!isFilling) field.focus({ preventScroll: true });
    },
  });
  const element = el(
    'footer',
    { class: 'dc-composer' },
    picker.list,
    complaint,
    replyBar,
    box,
    picker.fields,
  );

  const suggest = () => picker.suggest(/^\/([\w-]*(?: [\w-]*)?)$/.exec(field.value)?.[1]);
  const drawReplyBar = () => {
    replyBar.hidden = replied === undefined;
    if (replied === undefined) return;
    const cancel = el('button', { attrs: { type: 'button', 'aria-label': 'Cancel reply' } }, '✕');
    cancel.addEventListener('click', () => {
      replied = undefined;
      drawReplyBar();
    });
    replyBar.replaceChildren(
      el('span', {}, 'Replying to ', el('b', {}, replied.author.global_name ?? replied.author.username)),
      cancel,
    );
  };
  const submit = async () => {
    if (field.value.trim() === '') return;
    const { ok, error } = await deps.send(field.value, replied?.id);
    complaint.textContent = ok ? '' : (COMPLAINTS[error ?? ''] ?? `Not possible (${error}).`);
    if (!ok) return;
    field.value = '';
    replied = undefined;
    counter.textContent = '';
    growWithText(field);
    drawReplyBar();
    deps.onSent();
  };
  field.addEventListener('input', () => {
    growWithText(field);
    complaint.textContent = '';
    const left = CONTENT_CHARS - field.value.length;
    counter.textContent = field.value.length > COUNTER_FROM ? String(left) : '';
    counter.classList.toggle('over', left < 0);
    suggest();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') picker.suggest(undefined);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (picker.list.hidden) return;
      event.preventDefault();
      picker.move(event.key === 'ArrowDown' ? 1 : -1);
    }
    const isEnter = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
    if (!isEnter && event.key !== 'Tab') return;
    if (picker.take()) event.preventDefault();
    else if (isEnter) {
      event.preventDefault();
      void submit();
    }
  });
  sendButton.addEventListener('click', () => void submit());
  document.addEventListener('click', (event) => {
    if (!element.contains(event.target as Node)) picker.suggest(undefined);
  });

  return {
    element,
    draw(state) {
      const isNews = JSON.stringify(commands) !== JSON.stringify(state.commands);
      commands = state.commands;
      botName = state.botName;
      field.placeholder = state.placeholder;
      if (isNews && document.activeElement === field) suggest();
    },
    replyTo(message) {
      replied = message;
      drawReplyBar();
      field.focus();
    },
    reset() {
      field.value = '';
      replied = undefined;
      complaint.textContent = '';
      drawReplyBar();
      if (picker.isFilling()) picker.cancel();
      else picker.suggest(undefined);
    },
  };
}
