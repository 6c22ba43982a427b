// The conformance suite on both platforms: discord.js and grammY, unmodified, against the local servers.
import { createDiscordPlatform } from '../../bots/discord/discord-platform.ts';
import type { TelegramMessageView } from '../../bots/playground/page/view-types.ts';
import { type Playground, startPlayground } from '../../bots/playground/playground-server.ts';
import { createTelegramPlatform } from '../../bots/telegram/telegram-platform.ts';
import { quietBotLog } from '../support/fake-platform.ts';
import { type DrivenPerson, drivePlayground } from '../support/playground-driver.ts';
import { readDiscordMarkdown } from './discord-reader.ts';
import { pictureConformance } from './picture-conformance.ts';
import { type PlatformBench, platformConformance } from './platform-conformance.ts';

interface Seat {
  readonly playground: Playground;
  readonly ada: DrivenPerson;
  close(): Promise<void>;
}

async function takeSeat(): Promise<Seat> {
  const playground = await startPlayground();
  const driver = await drivePlayground(playground.url);
  const ada = await driver.person('ada');
  return {
    playground,
    ada,
    async close() {
      driver.close();
      await playground.stop();
    },
  };
}

const callsTo = (playground: Playground, platform: string, pattern: RegExp): number =>
  playground
    .wire()
    .filter((entry) => entry.platform === platform && entry.direction === 'in' && pattern.test(entry.what))
    .length;

const pictureOf = (size: { readonly width?: number; readonly height?: number } | undefined) =>
  size?.width === undefined || size.height === undefined
    ? {}
    : { picture: { width: size.width, height: size.height } };

const fileOf = (name: string | undefined, bytes: number | undefined) =>
  name === undefined || bytes === undefined ? {} : { file: { name, bytes } };

/** Telegram reads "@name" as a mention everywhere but in code. */
function pingsOnTelegram({ text = '', entities = [] }: TelegramMessageView): boolean {
  const isCode = (at: number): boolean =>
    entities.some(
      ({ type, offset, length }) => /code|pre/.test(type) && at >= offset && at < offset + length,
    );
  return [...text.matchAll(/(?<![\w@])@\w{3,}/g)].some(({ index }) => !isCode(index));
}

async function telegramBench(): Promise<PlatformBench> {
  const { playground, ada, close } = await takeSeat();
  const platform = createTelegramPlatform(
    { secret: playground.telegramToken, apiRoot: playground.telegramApiRoot },
    { log: quietBotLog },
  );
  const { telegram } = ada;
  const { telegram: levers } = playground.levers;
  return {
    platform,
    conversationId: String(ada.info.telegramId),
    say: (text) => telegram.send(text),
    command: (name, args) => telegram.send(`/${[name, ...Object.values(args)].join(' ')}`),
    press: (label) => telegram.press(label),
    async fillForm(values) {
      for (const [, value] of values) {
        const asked = await ada.until(
          'a form question',
          ({ telegram: { prompt } }) => prompt?.force_reply_to,
        );
        await telegram.send(value, asked);
        await ada.until('the next question', ({ telegram: { prompt } }) => prompt?.force_reply_to !== asked);
      }
    },
    stopStream: () => telegram.stopDraft(),
    shown: () =>
      telegram
        .raw()
        .filter((message) => message.from?.is_bot)
        .map((message) => ({
          text: (message.text ?? message.caption ?? '').replaceAll('\u2060', ''),
          buttons: message.reply_markup?.inline_keyboard.flat().map(({ text }) => text) ?? [],
          onlyYou: false,
          pings: pingsOnTelegram(message),
          ...pictureOf(message.photo?.at(-1)),
          ...fileOf(message.document?.file_name, message.document?.file_size),
        })),
    notices: () => ada.notices().map(({ text }) => text),
    waitFor: (text) => telegram.waitFor(text),
    trouble: {
      loseAnswer: (of) => levers.next(of === 'send' ? 'sendMessage' : 'editMessageText', 'lost_response', 1),
      fail: (count) => levers.next('sendMessage', 'server_error', count),
      redeliver: (count) => levers.redeliver(count),
    },
    calls: () => callsTo(playground, 'telegram', /^(send|edit)message/i),
    goPublic: () => false,
    async stop() {
      await platform.stop();
      await close();
    },
  };
}

async function discordBench(): Promise<PlatformBench> {
  const { playground, ada, close } = await takeSeat();
  const platform = createDiscordPlatform(
    { secret: playground.discordToken, apiRoot: playground.discordApiUrl },
    { log: quietBotLog },
  );
  const { discord } = ada;
  const { discord: levers } = playground.levers;
  discord.goTo('dm');
  const dm = ada.view().discord.channels.find(({ type }) => type === 1);
  return {
    platform,
    conversationId: dm?.id ?? '',
    say: (text) => discord.message(text),
    command: (name, args) => discord.slash(name, args),
    press: (label) => discord.press(label),
    fillForm: (values) => discord.submitModal(Object.fromEntries(values)),
    stopStream: () => discord.press('Stop'),
    shown: () =>
      discord
        .raw()
        .filter(({ author, flags = 0 }) => author.bot && (flags & 128) === 0)
        .map((message) => ({
          text: readDiscordMarkdown(message.content),
          buttons: (message.components ?? []).flatMap(
            (row) => row.components?.map(({ label }) => label ?? '') ?? [],
          ),
          onlyYou: ((message.flags ?? 0) & 64) !== 0,
          pings: message.mention_everyone || message.mentions.length > 0 || message.mention_roles.length > 0,
          ...pictureOf(message.attachments[0]),
          ...fileOf(message.attachments[0]?.filename, message.attachments[0]?.size),
        })),
    notices: () => ada.notices().map(({ text }) => text),
    waitFor: (text) => discord.waitFor(text),
    trouble: {
      loseAnswer: (of) => levers.next(`${of === 'send' ? 'POST' : 'PATCH'} /`, 'lost_response', 1),
      fail: (count) => levers.next('PATCH /', 'server_error', count),
      redeliver: (count) => levers.redeliver('MESSAGE_CREATE', 2 * count), // the bot's own message is the newest
    },
    calls: () => callsTo(playground, 'discord', /^(POST|PATCH) .*messages/),
    goPublic() {
      discord.goTo('channel');
      return true;
    },
    async stop() {
      await platform.stop();
      await close();
    },
  };
}

platformConformance('Telegram', telegramBench);
platformConformance('Discord', discordBench);
pictureConformance('Telegram', telegramBench);
pictureConformance('Discord', discordBench);
