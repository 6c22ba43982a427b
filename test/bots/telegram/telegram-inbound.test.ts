// Raw Telegram updates as events: private chats, groups (which the local server has not), topics, presses, Stop.
import type { Update } from 'grammy/types';
import { describe, expect, it } from 'vitest';
import { readUpdate } from '../../../bots/telegram/telegram-inbound.ts';

const bot = { id: 99, username: 'open_models_bot' };
const definitions = [
  {
    name: 'ask',
    description: '',
    options: [{ name: 'question', description: '', required: true, rest: true }],
  },
];
const ada = { id: 7, is_bot: false, first_name: 'Ada', last_name: 'L' };
const group = { id: -100, type: 'supergroup', title: 'Friends' };
const fromBot = {
  message_id: 3,
  date: 1,
  chat: group,
  from: { id: 99, is_bot: true, first_name: 'B' },
  text: 'hi',
};

const read = (message: object, chat: object = { id: 7, type: 'private', first_name: 'Ada' }) =>
  readUpdate(
    { update_id: 1, message: { message_id: 5, date: 100, from: ada, chat, ...message } } as unknown as Update,
    bot,
    definitions,
  );

describe('in a private chat', () => {
  it('every text is meant for the bot, and carries person, place and an id that survives a reset', () => {
    expect(read({ text: 'hello' })?.inbound).toEqual({
      kind: 'text',
      eventId: 'telegram:m:7:5:100',
      text: 'hello',
      source: {
        platform: 'telegram',
        userId: '7',
        displayName: 'Ada L',
        conversationId: '7',
        isPrivate: true,
      },
    });
  });

  it('reads commands, captions and things that are no text', () => {
    expect(read({ text: '/ask a b' })?.inbound).toMatchObject({
      kind: 'command',
      name: 'ask',
      args: { question: 'a b' },
    });
    expect(read({ caption: 'what is this?', photo: [] })?.inbound).toMatchObject({ text: 'what is this?' });
    expect(read({ voice: {} })?.inbound).toMatchObject({ kind: 'text', text: '' });
    expect(read({ pinned_message: {} })).toBeNull();
  });

  it('keeps a topic a conversation of its own', () => {
    const event = read({ text: 'x', is_topic_message: true, message_thread_id: 12 });
    expect(event?.inbound.source.conversationId).toBe('7/12');
    expect(event?.facts.place.threadId).toBe(12);
  });
});

describe('in a group', () => {
  it.each([
    ['@open_models_bot what is x?', 'what is x?'],
    ['hey @Open_Models_Bot, you', 'hey  , you'],
  ])('takes the mention %j', (text, asked) => {
    const event = read({ text }, group);
    expect(event?.inbound).toMatchObject({
      kind: 'text',
      text: asked,
      source: { conversationId: '-100:7', isPrivate: false },
    });
    expect(event?.facts.replyTo).toBe(5);
  });

  it('takes replies to the bot and commands for it, and nothing else', () => {
    expect(read({ text: 'and now?', reply_to_message: fromBot }, group)?.inbound).toMatchObject({
      text: 'and now?',
    });
    expect(read({ text: '/ask@open_models_bot x' }, group)?.inbound).toMatchObject({ kind: 'command' });
    expect(read({ text: '/ask@other_bot x' }, group)).toBeNull();
    expect(read({ text: 'just talking' }, group)).toBeNull();
    expect(read({ text: '@open_models_bot x', from: { ...ada, is_bot: true } }, group)).toBeNull();
  });

  it('knows a reply to a form question of an earlier process', () => {
    const prompt = { ...fromBot, text: '✍️ Contribute · 1 of 2' };
    expect(read({ text: 'Lisbon', reply_to_message: prompt }, group)?.facts.answersPrompt).toBe(true);
    expect(read({ text: 'Lisbon', reply_to_message: fromBot }, group)?.facts.answersPrompt).toBe(false);
  });
});

describe('other updates', () => {
  it('reads a press, also one on a message that only one person sees', () => {
    const query = { id: 'q1', from: ada, chat_instance: '', data: '1hp' };
    const press = (message: object) =>
      readUpdate(
        { update_id: 2, callback_query: { ...query, message } } as unknown as Update,
        bot,
        definitions,
      );
    expect(press({ ...fromBot })?.inbound).toMatchObject({
      kind: 'press',
      action: '1hp',
      eventId: 'telegram:c:q1',
      message: 'm|-100||3|',
    });
    expect(press({ ...fromBot, message_id: 0, ephemeral_message_id: 8 })?.inbound).toMatchObject({
      message: 'e|-100||8|7',
    });
    expect(press({ chat: group, message_id: 3, date: 0 })?.inbound).toMatchObject({
      source: { conversationId: '-100:7' },
    });
  });

  it('reads Stop on a draft, and ignores what was not asked for', () => {
    const stop = { chat: { id: 7, type: 'private', first_name: 'Ada' }, draft_id: 4 };
    expect(
      readUpdate({ update_id: 3, stopped_message_generation: stop } as Update, bot, definitions)?.inbound,
    ).toMatchObject({
      kind: 'stop',
      source: { conversationId: '7', userId: '7' },
    });
    expect(
      readUpdate({ update_id: 4, edited_message: {} } as unknown as Update, bot, definitions),
    ).toBeNull();
  });
});
