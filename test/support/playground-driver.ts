// Drives the playground as people would, over HTTP and its live feed, without a browser: for bot and end-to-end tests.
// Keeps each person's view with the page's own reducer, so a transcript here is what the page shows.
//
//   const driver = await drivePlayground(playground.url);
//   const ada = await driver.person('ada');
//   await ada.telegram.send('/start');            await ada.telegram.waitFor('Welcome');
//   await ada.telegram.press('👍');               console.log(ada.telegram.messages());
//   await ada.discord.slash('ask', { question }); await ada.discord.waitFor('Paris');
//   await ada.discord.submitModal({ question: '…', answer: '…' });

import WebSocket from 'ws';
import { nextView } from '../../bots/playground/page/view-state.ts';
import type {
  DiscordComponentView,
  DiscordMessageView,
  NoticeView,
  PersonView,
  Snapshot,
  TelegramMessageView,
  ViewEvent,
} from '../../bots/playground/page/view-types.ts';

export interface PlaygroundDriver {
  /** Joins as a person, made when unknown. */
  person(name: string): Promise<DrivenPerson>;
  close(): void;
}

export interface DrivenPerson {
  readonly info: PersonView;
  readonly telegram: DrivenTelegram;
  readonly discord: DrivenDiscord;
  /** Toasts and failed interactions so far, on both platforms. */
  notices(): readonly NoticeView[];
  view(): Snapshot;
  /** Waits until `test` gives something; its last value is in the error when it never does. */
  until<Value>(what: string, test: (view: Snapshot) => Value | undefined | false): Promise<Value>;
}

interface DrivenApp {
  /** The transcript as a reader sees it, one message per block: "Ada: …" / "OpenModels: … [button] [button]". */
  messages(): string;
  /** Until the transcript (drafts and notices included) contains `text`; gives the transcript. */
  waitFor(text: string | RegExp): Promise<string>;
}

interface DrivenTelegram extends DrivenApp {
  send(text: string, replyTo?: number): Promise<void>;
  /** Presses the newest button with this label (or containing it). */
  press(label: string): Promise<void>;
  /** Presses Stop on the draft that is being written. */
  stopDraft(): Promise<void>;
  block(blocked: boolean): Promise<void>;
  raw(): readonly TelegramMessageView[];
}

interface DrivenDiscord extends DrivenApp {
  /** The channel that acts happen in from now on: 'dm', 'channel', or a thread's or channel's id. */
  goTo(place: 'dm' | 'channel' | (string & {})): void;
  message(text: string): Promise<void>;
  /** Throws with the app's complaint when the command or an option is not accepted. */
  slash(name: string, options?: Readonly<Record<string, string | number | boolean>>): Promise<void>;
  autocomplete(
    name: string,
    options: Readonly<Record<string, string>>,
    focused: string,
  ): Promise<readonly { name: string; value: unknown }[]>;
  press(label: string): Promise<void>;
  choose(values: readonly string[]): Promise<void>;
  /** Waits for the form and sends it. Keys are custom ids or field labels. */
  submitModal(answers: Readonly<Record<string, string | readonly string[] | boolean>>): Promise<void>;
  raw(): readonly DiscordMessageView[];
}

const PATIENCE_MS = 20_000;

export async function drivePlayground(url: string, patienceMs = PATIENCE_MS): Promise<PlaygroundDriver> {
  const base = new URL('/playground', url).href;
  const sockets: WebSocket[] = [];

  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (answer.ok !== true) throw new Error(`${path} was refused: ${JSON.stringify(answer)}`);
    return answer;
  };

  const join = async (name: string): Promise<DrivenPerson> => {
    const { people } = (await (await fetch(`${base}/people`)).json()) as { people: PersonView[] };
    const known = people.find((person) => person.id === name || person.name === name);
    const info = known ?? ((await post('/people', { name })).person as PersonView);
    let view: Snapshot | undefined;
    const notices: NoticeView[] = [];
    const watchers = new Set<() => void>();
    const socket = new WebSocket(`${base.replace('http', 'ws')}/live?person=${info.id}`);
    sockets.push(socket);
    socket.on('message', (raw) => {
      const event = JSON.parse(String(raw)) as ViewEvent;
      if (event.kind === 'notice') notices.push(event.notice);
      view = nextView(view, event);
      for (const watcher of watchers) watcher();
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('message', () => resolve());
      socket.once('error', reject);
    });
    const current = (): Snapshot => {
      if (view === undefined) throw new Error('the playground sent no snapshot');
      return view;
    };
    const until = <Value>(
      what: string,
      test: (view: Snapshot) => Value | undefined | false,
    ): Promise<Value> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          done();
          reject(
            new Error(
              `${info.name} waited in vain for ${what}.\n--- Telegram\n${telegramText()}\n--- Discord\n${discordText()}`,
            ),
          );
        }, patienceMs);
        const check = () => {
          const value = test(current());
          if (value === undefined || value === false) return;
          done();
          resolve(value);
        };
        const done = () => {
          clearTimeout(timer);
          clearInterval(poll);
          watchers.delete(check);
        };
        // Live events wake it; the interval is for tests of things that no person sees.
        const poll = setInterval(check, 20);
        watchers.add(check);
        check();
      });
    const act = (path: string, body: object) => post(`/people/${info.id}/${path}`, body);
    const noticeLines = (platform: string) =>
      notices.filter((n) => n.platform === platform).map((n) => `(${n.text})`);

    const telegramText = (): string => {
      const { telegram } = current();
      const lines = telegram.messages.map(telegramLine);
      const draft = telegram.draft ? [`${telegram.bot.name} is writing: ${telegram.draft.text}`] : [];
      return [...lines, ...draft].join('\n');
    };
    let place = current().discord.channels.find((channel) => channel.type === 0)?.id ?? '';
    const inPlace = () => current().discord.messages.filter((message) => message.channel_id === place);
    const discordText = (): string => inPlace().map(discordLine).join('\n');
    const waitIn = (text: () => string, platform: string) => (wanted: string | RegExp) =>
      until(`${String(wanted)} in ${platform}`, () => {
        const shown = [text(), ...noticeLines(platform)].join('\n');
        return (typeof wanted === 'string' ? shown.includes(wanted) : wanted.test(shown)) && shown;
      });

    const telegram: DrivenTelegram = {
      messages: telegramText,
      waitFor: waitIn(telegramText, 'telegram'),
      raw: () => current().telegram.messages,
      send: async (text, replyTo) => void (await act('telegram/send', { text, replyTo })),
      stopDraft: async () => {
        await until('a draft with a Stop button', ({ telegram: { draft } }) => draft?.can_stop);
        await act('telegram/stop', {});
      },
      block: async (blocked) => void (await act('telegram/block', { blocked })),
      press: async (label) => {
        const found = await until(`the Telegram button ${label}`, ({ telegram: { messages } }) => {
          for (const message of [...messages].reverse()) {
            const buttons = message.reply_markup?.inline_keyboard.flat() ?? [];
            const button = pick(buttons, label, (candidate) => candidate.text);
            if (button?.callback_data !== undefined)
              return { messageId: message.message_id, data: button.callback_data };
          }
          return undefined;
        });
        await act('telegram/press', found);
      },
    };

    const discord: DrivenDiscord = {
      messages: discordText,
      waitFor: waitIn(discordText, 'discord'),
      raw: inPlace,
      goTo(where) {
        const { channels } = current().discord;
        const type = where === 'dm' ? 1 : where === 'channel' ? 0 : undefined;
        const found = channels.find((channel) =>
          type === undefined ? channel.id === where : channel.type === type,
        );
        if (found === undefined) throw new Error(`no such place: ${where}`);
        place = found.id;
      },
      message: async (text) => void (await act('discord/message', { channelId: place, text })),
      slash: async (name, options = {}) => {
        const word = name.split(' ')[0];
        await until(`the command /${word}`, (seen) =>
          seen.discord.commands.some((command) => command.name === word),
        );
        await act('discord/slash', { channelId: place, name, options });
      },
      autocomplete: async (name, options, focused) =>
        (await act('discord/autocomplete', { channelId: place, name, options, focused })).choices as {
          name: string;
          value: unknown;
        }[],
      press: async (label) => {
        const found = await until(`the Discord button ${label}`, () => {
          for (const message of inPlace().reverse()) {
            const parts = allParts(message.components ?? []).filter(
              (part) => part.type === 2 && part.custom_id,
            );
            const button = pick(parts, label, buttonLabel);
            if (button) return { messageId: message.id, customId: button.custom_id };
          }
          return undefined;
        });
        await act('discord/press', found);
      },
      choose: async (values) => {
        const found = await until('a select menu', () => {
          for (const message of inPlace().reverse()) {
            const select = allParts(message.components ?? []).find((part) => part.type === 3);
            if (select) return { messageId: message.id, customId: select.custom_id };
          }
          return undefined;
        });
        await act('discord/press', { ...found, values });
      },
      submitModal: async (answers) => {
        const modal = await until('a form', (seen) => seen.discord.modal ?? undefined);
        const idOf = new Map<string, string>();
        for (const part of modal.components) {
          const input = part.component ?? part.components?.[0];
          const label = part.label ?? input?.label;
          if (input?.custom_id && label) idOf.set(label, input.custom_id);
        }
        const byId = Object.fromEntries(
          Object.entries(answers).map(([key, value]) => [idOf.get(key) ?? key, value]),
        );
        await act('discord/modal', { interactionId: modal.interaction_id, answers: byId });
      },
    };
    return { info, telegram, discord, notices: () => notices, view: current, until };
  };

  return {
    person: join,
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

function pick<Item>(
  items: readonly Item[],
  label: string,
  labelOf: (item: Item) => string,
): Item | undefined {
  return items.find((item) => labelOf(item) === label) ?? items.find((item) => labelOf(item).includes(label));
}

function allParts(list: readonly DiscordComponentView[]): DiscordComponentView[] {
  return list.flatMap((part) => [
    part,
    ...allParts(part.components ?? []),
    ...(part.accessory ? allParts([part.accessory]) : []),
  ]);
}

const buttonLabel = (part: DiscordComponentView): string =>
  [part.emoji?.name, part.label].filter(Boolean).join(' ');

function telegramLine(message: TelegramMessageView): string {
  const edited = message.edit_date === undefined ? '' : ' (edited)';
  const buttons = (message.reply_markup?.inline_keyboard ?? []).map(
    (row) => `\n  ${row.map(({ text }) => `[${text}]`).join(' ')}`,
  );
  const document = message.document ? `<${message.document.file_name ?? 'document'}> ` : '';
  const photo = message.photo ? '<photo> ' : '';
  return `${message.from?.first_name ?? '?'}: ${photo}${document}${message.text ?? message.caption ?? ''}${edited}${buttons.join('')}`;
}

function discordLine(message: DiscordMessageView): string {
  const flags = message.flags ?? 0;
  const marks = [
    (flags & 64) !== 0 ? ' (only you can see this)' : '',
    (flags & 128) !== 0 ? ' is thinking…' : '',
    message.edited_timestamp === null ? '' : ' (edited)',
    message.mention_everyone ? ' (pings everyone)' : '',
  ];
  const parts = message.components ?? [];
  const texts = allParts(parts).flatMap((part) => (part.type === 10 ? [part.content ?? ''] : []));
  const embeds = message.embeds.map(
    (embed) => `\n  | ${[embed.title, embed.description].filter(Boolean).join(' — ')}`,
  );
  const files = message.attachments.map((file) => ` <${file.filename}>`);
  const rows = allParts(parts).flatMap((part) => {
    const buttons = part.components?.filter(({ type }) => type === 2) ?? [];
    return buttons.length > 0 ? [`\n  ${buttons.map((button) => `[${buttonLabel(button)}]`).join(' ')}`] : [];
  });
  const name = message.author.global_name ?? message.author.username;
  return `${name}: ${[message.content, ...texts].filter(Boolean).join('\n')}${files.join('')}${marks.join('')}${embeds.join('')}${rows.join('')}`;
}
