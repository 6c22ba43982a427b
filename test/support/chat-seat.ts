// One person in front of one app, in words that are the same for both: what end-to-end scenarios are written in, so that
// each runs in Telegram and in Discord alike. Used by test/e2e/. A seat remembers where the chat stood at its last act:
// `hears` and `heard` are about what came after it. What it gives is what a reader sees, markup taken away; markup that
// nobody meant is an error (Discord) and a ping is told by `pings`.
import type { Identity } from '../../marketplace/marketplace.ts';
import { readDiscordMarkdown } from '../conformance/discord-reader.ts';
import type { DrivenPerson, PlaygroundDriver } from './playground-driver.ts';

export const APPS = ['telegram', 'discord'] as const;
export type App = (typeof APPS)[number];

/** A message of the bot as its reader has it. */
export interface Heard {
  readonly text: string;
  readonly buttons: readonly string[];
  /** Whom it would ping, and links behind other words: what nobody may have smuggled in. */
  readonly pings: readonly string[];
}

export interface ChatSeat {
  readonly app: App;
  readonly person: DrivenPerson;
  /** Who this is to the marketplace. */
  readonly identity: Identity;
  say(text: string): Promise<void>;
  command(name: string, args?: Readonly<Record<string, string>>): Promise<void>;
  /** Presses the newest button with this label. */
  press(label: string): Promise<void>;
  /** Presses Stop on the answer that is being written. */
  stop(): Promise<void>;
  fillForm(answers: Readonly<Record<string, string>>): Promise<void>;
  /** Until a message or notice that is new or changed since the last act holds this; gives its text. */
  hears(wanted: string | RegExp): Promise<string>;
  /** Messages and notices that are new or changed since the last act. */
  heard(): readonly string[];
  /** Everything the bot ever said here, as it stands now. */
  messages(): readonly Heard[];
}

/** Seats a person (made when unknown) at an app, in private. */
export async function takeSeat(driver: PlaygroundDriver, app: App, name: string): Promise<ChatSeat> {
  const person = await driver.person(name);
  const identity = {
    platform: app,
    userId: app === 'telegram' ? String(person.info.telegramId) : person.info.discordId,
    displayName: person.info.name,
  };
  if (app === 'discord') person.discord.goTo('dm');
  const messages = () => (app === 'telegram' ? telegramMessages(person) : discordMessages(person));
  const notices = () => person.notices().filter(({ platform }) => platform === app);
  let before: readonly string[] = [];
  let noticesBefore = 0;

  const draft = () => (app === 'telegram' ? (person.view().telegram.draft?.text ?? null) : null);
  const heard = (): readonly string[] => {
    const shown = messages().map(({ text }) => text);
    const written = draft();
    return [
      ...shown.filter((text, index) => before[index] !== text),
      ...(written === null ? [] : [written]),
      ...notices()
        .slice(noticesBefore)
        .map(({ text }) => text),
    ];
  };
  const acting =
    <Args extends readonly unknown[]>(act: (...args: Args) => Promise<void>) =>
    async (...args: Args): Promise<void> => {
      before = messages().map(({ text }) => text);
      noticesBefore = notices().length;
      await act(...args);
    };

  const acts =
    app === 'telegram'
      ? telegramActs(person)
      : {
          say: (text: string) => person.discord.message(text),
          command: (name: string, args: Readonly<Record<string, string>> = {}) =>
            person.discord.slash(name, args),
          stop: () => person.discord.press('Stop'),
          fillForm: (answers: Readonly<Record<string, string>>) => person.discord.submitModal(answers),
        };
  return {
    app,
    person,
    identity,
    say: acting(acts.say),
    command: acting(acts.command),
    press: acting((label: string) => person[app].press(label)),
    stop: acts.stop,
    fillForm: acting(acts.fillForm),
    hears: (wanted) =>
      person.until(`${String(wanted)} in ${app}, having heard ${JSON.stringify(heard())}`, () =>
        heard().find((text) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))),
      ),
    heard,
    messages,
  };
}

function telegramActs(person: DrivenPerson) {
  const { telegram } = person;
  return {
    say: (text: string) => telegram.send(text),
    command: (name: string, args: Readonly<Record<string, string>> = {}) =>
      telegram.send(`/${[name, ...Object.values(args)].join(' ')}`),
    stop: () => telegram.stopDraft(),
    /** Telegram has no forms: the questions are answered one after the other. */
    async fillForm(answers: Readonly<Record<string, string>>) {
      for (const answer of Object.values(answers)) {
        const asked = await person.until(
          'a form question',
          ({ telegram: { prompt } }) => prompt?.force_reply_to,
        );
        await telegram.send(answer, asked);
      }
    },
  };
}

function telegramMessages(person: DrivenPerson): readonly Heard[] {
  return person.telegram
    .raw()
    .filter(({ from }) => from?.is_bot)
    .map(({ text = '', entities = [], reply_markup: markup }) => {
      const isCode = (at: number) =>
        entities.some(
          ({ type, offset, length }) => /code|pre/.test(type) && at >= offset && at < offset + length,
        );
      const mentions = [...text.matchAll(/(?<![\w@])@\w{3,}/g)].filter(({ index }) => !isCode(index));
      const hidden = entities.filter(({ type }) => /mention|link/.test(type));
      return {
        text: text.replaceAll('\u2060', ''),
        buttons: markup?.inline_keyboard.flat().map((button) => button.text) ?? [],
        pings: [...mentions.map(([mention]) => mention), ...hidden.map(({ type }) => type)],
      };
    });
}

function discordMessages(person: DrivenPerson): readonly Heard[] {
  return person.discord
    .raw()
    .filter(({ author, flags = 0 }) => author.bot && (flags & 128) === 0)
    .map((message) => ({
      text: readDiscordMarkdown(message.content),
      buttons: (message.components ?? []).flatMap(
        (row) => row.components?.map(({ label }) => label ?? '') ?? [],
      ),
      pings: [
        ...(message.mention_everyone ? ['everyone'] : []),
        ...message.mentions.map(({ username }) => username),
        ...message.mention_roles,
      ],
    }));
}
