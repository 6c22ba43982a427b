// The right side: the server's channels, threads and the DM with the bot as the Discord app shows them, with its
// message field. Used by page-main.ts. Draws a DiscordView; what the person does goes out through the connection.

import { createDiscordComposer, type DiscordComposer } from './discord-composer.ts';
import { avatar, discordRow, type RowActs } from './discord-row.ts';
import { createModalDialog } from './modal-dialog.ts';
import type { PageConnection } from './page-connection.ts';
import { createKeyedList, el, stickToEnd } from './page-dom.ts';
import type { AppPane } from './telegram-pane.ts';
import type { DiscordChannelView, DiscordMessageView, DiscordView, Snapshot } from './view-types.ts';

const DM = 1;

/** A message with what it looks like besides itself: a failed press is drawn under it. */
interface Row {
  readonly message: DiscordMessageView;
  readonly failure: string | undefined;
}

export function createDiscordPane(root: HTMLElement, connection: PageConnection): AppPane {
  let view: Snapshot | undefined;
  let channelId = '';
  const dismissed = new Set<string>();
  const failures = new Map<string, string>();
  let rows = new Map<string, Row>();
  let lines: { readonly id: string; readonly channelId: string; readonly text: string }[] = [];

  const side = el('nav', {
    class: 'dc-side',
    testid: 'discord-channels',
    attrs: { 'aria-label': 'Channels' },
  });
  const title = el('b', {});
  const subtitle = el('span', { class: 'dc-topic' });
  const list = el('div', { class: 'dc-list' });
  const system = el('div', { class: 'dc-system' });
  const welcome = el('div', { class: 'dc-welcome' });
  const scroller = el(
    'div',
    {
      class: 'dc-messages',
      testid: 'discord-messages',
      attrs: { role: 'log', 'aria-live': 'polite', tabindex: '0', 'aria-label': 'Discord messages' },
    },
    welcome,
    list,
    system,
  );
  const typing = el('div', { class: 'dc-typing', testid: 'discord-typing' });

  const act = (path: string, body: object) => connection.act(`discord/${path}`, body);
  const acts: RowActs = {
    press: async (messageId, customId, values) => {
      failures.delete(messageId);
      const { ok, error } = await act('press', { messageId, customId, values });
      if (!ok)
        failures.set(
          messageId,
          error === 'message_not_found' ? 'This message is gone.' : 'This interaction failed',
        );
      redraw();
    },
    reply: (message) => composer.replyTo(message),
    dismiss: (messageId) => {
      dismissed.add(messageId);
      redraw();
    },
  };
  const composer: DiscordComposer = createDiscordComposer({
    send: (text, replyTo) => act('message', { channelId, text, replyTo }),
    slash: (name, options) => act('slash', { channelId, name, options }),
    complete: (name, options, focused) => act('autocomplete', { channelId, name, options, focused }),
    onSent: () => {
      scroller.scrollTop = scroller.scrollHeight;
    },
  });
  const form = createModalDialog(
    (interactionId, answers) => act('modal', { interactionId, answers }),
    () => void act('modal-close', {}),
  );
  root.replaceChildren(
    side,
    el(
      'div',
      { class: 'dc-main' },
      el('header', { class: 'dc-top' }, title, subtitle, el('span', { class: 'dc-brand' }, 'Discord')),
      scroller,
      composer.element,
      typing,
    ),
  );

  stickToEnd(scroller);
  const drawRows = createKeyedList<Row>(
    list,
    ({ message }) => message.id,
    ({ message, failure }, previous) =>
      discordRow(
        message,
        previous?.message,
        {
          reader: view?.person ?? missing(),
          people: view?.people ?? [],
          channelName: (id) => view?.discord.channels.find((channel) => channel.id === id)?.name ?? 'unknown',
          failure,
        },
        acts,
      ),
  );

  const nameOf = (channel: DiscordChannelView, discord: DiscordView) =>
    channel.type === DM ? discord.bot.name : channel.name;

  const channelButton = (channel: DiscordChannelView, discord: DiscordView): HTMLElement => {
    const isThread = channel.type >= 11;
    const sign =
      channel.type === DM
        ? avatar({ id: discord.bot.id, username: discord.bot.name, bot: true }, [], true)
        : el('span', { class: 'dc-hash', attrs: { 'aria-hidden': 'true' } }, isThread ? '╰' : '#');
    return el(
      'button',
      {
        class: `dc-channel${isThread ? ' thread' : ''}`,
        testid: channel.type === DM ? 'discord-dm' : isThread ? 'discord-thread' : 'discord-channel',
        data: { channelId: channel.id },
        attrs: { type: 'button', 'aria-current': String(channel.id === channelId) },
        on: { click: () => goTo(channel.id) },
      },
      sign,
      el('span', { class: 'dc-channel-name' }, nameOf(channel, discord)),
      channel.type === DM
        ? el('span', {
            class: `dc-presence${discord.bot.online ? ' online' : ''}`,
            title: discord.bot.online ? 'online' : 'offline',
          })
        : null,
    );
  };
  const drawSide = (discord: DiscordView) => {
    const of = (test: (channel: DiscordChannelView) => boolean) => discord.channels.filter(test);
    side.replaceChildren(
      el('div', { class: 'dc-guild' }, discord.guild.name),
      el('div', { class: 'dc-group' }, 'Text channels'),
      ...of(({ type }) => type === 0).flatMap((channel) => [
        channelButton(channel, discord),
        ...of(({ parent_id, archived }) => parent_id === channel.id && !archived).map((thread) =>
          channelButton(thread, discord),
        ),
      ]),
      el('div', { class: 'dc-group' }, 'Direct messages'),
      ...of(({ type }) => type === DM).map((channel) => channelButton(channel, discord)),
    );
  };
  const goTo = (id: string) => {
    channelId = id;
    composer.reset();
    drawnChannels = undefined;
    list.replaceChildren();
    redraw();
    scroller.scrollTop = scroller.scrollHeight;
  };

  let drawnChannels: unknown;
  let drawnOnline: boolean | undefined;
  const redraw = () => {
    if (view === undefined) return;
    const { discord } = view;
    const channel =
      discord.channels.find(({ id }) => id === channelId) ?? discord.channels.find(({ type }) => type === 0);
    if (channel === undefined) return;
    channelId = channel.id;
    if (drawnChannels !== discord.channels || drawnOnline !== discord.bot.online) drawSide(discord);
    drawnChannels = discord.channels;
    drawnOnline = discord.bot.online;
    const isDm = channel.type === DM;
    title.textContent = isDm
      ? `@ ${discord.bot.name}`
      : channel.type >= 11
        ? `╰ ${channel.name}`
        : `# ${channel.name}`;
    subtitle.textContent = isDm
      ? 'Only you and the bot read this'
      : channel.type >= 11
        ? 'A thread'
        : 'Mention the bot or use / to talk to it';
    const messages = discord.messages.filter(
      (message) => message.channel_id === channelId && !dismissed.has(message.id),
    );
    rows = new Map(
      messages.map((message) => [
        message.id,
        keptRow(rows.get(message.id), message, failures.get(message.id)),
      ]),
    );
    welcome.hidden = messages.length > 0;
    if (!welcome.hidden)
      welcome.replaceChildren(
        el('span', { class: 'dc-welcome-sign' }, isDm ? '@' : '#'),
        el('h2', {}, isDm ? discord.bot.name : `Welcome to #${channel.name}!`),
        el(
          'p',
          {},
          isDm
            ? 'This is the beginning of your direct messages with the bot.'
            : 'Type / to see what the bot can do.',
        ),
      );
    drawRows([...rows.values()]);
    system.replaceChildren(
      ...lines
        .filter((line) => line.channelId === channelId)
        .map((line) =>
          systemLine(line.text, () => {
            lines = lines.filter((other) => other !== line);
            redraw();
          }),
        ),
    );
    typing.textContent = discord.typing.includes(channelId) ? `${discord.bot.name} is typing…` : '';
    const context = isDm ? 1 : 0;
    const commands = discord.commands.filter(({ contexts }) => contexts?.includes(context) ?? true);
    composer.draw({
      commands,
      botName: discord.bot.name,
      placeholder: `Message ${isDm ? '@' : '#'}${nameOf(channel, discord)}`,
    });
    form.draw(discord.modal);
  };

  return {
    draw(next) {
      view = next;
      redraw();
    },
    notice({ text, message_id: messageId }) {
      for (const button of root.querySelectorAll('.dc-button.waiting')) button.classList.remove('waiting');
      if (messageId !== undefined) failures.set(messageId, text);
      else lines = [...lines, { id: crypto.randomUUID(), channelId, text }];
      redraw();
    },
    reset() {
      view = undefined;
      lines = [];
      failures.clear();
      rows.clear();
      drawnChannels = undefined;
      composer.reset();
      form.draw(null);
    },
  };
}

function keptRow(known: Row | undefined, message: DiscordMessageView, failure: string | undefined): Row {
  return known?.message === message && known.failure === failure ? known : { message, failure };
}

/** What Discord says itself when a command found no answer; only the person sees it. */
function systemLine(text: string, dismiss: () => void): HTMLElement {
  return el(
    'div',
    { class: 'dc-row ephemeral dc-notice', testid: 'discord-notice' },
    el(
      'div',
      { class: 'dc-body' },
      el('div', { class: 'dc-failed', attrs: { role: 'alert' } }, text),
      el(
        'div',
        { class: 'dc-only-you' },
        'Only you can see this • ',
        el('button', { attrs: { type: 'button' }, on: { click: dismiss } }, 'Dismiss message'),
      ),
    ),
  );
}

function missing(): never {
  throw new Error('a message was drawn before the first view');
}
