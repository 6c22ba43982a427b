// What the Telegram sender puts on the wire where the local server cannot show it: groups, topics, messages for one
// person, servers without drafts, lost answers.
import { GrammyError, HttpError } from 'grammy';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPacer } from '../../../bots/core/pacer.ts';
import type { MessageRef } from '../../../bots/core/platform.ts';
import { rich } from '../../../bots/core/rich-text.ts';
import {
  createTelegramSender,
  type TelegramApi,
  type TelegramSender,
} from '../../../bots/telegram/telegram-sender.ts';

interface Call {
  readonly method: string;
  readonly payload: Record<string, unknown>;
}

let calls: Call[];
let refuse: (call: Call) => unknown;
let sender: TelegramSender;

const refused = (status: number, description: string, method = 'x') =>
  new GrammyError('refused', { ok: false, error_code: status, description, parameters: {} }, method, {});

beforeEach(() => {
  calls = [];
  refuse = () => null;
  const api = new Proxy({} as TelegramApi, {
    get: (_, method: string) => async (payload: Record<string, unknown>) => {
      const call = { method, payload };
      calls.push(call);
      const error = refuse(call);
      if (error) throw error;
      const ephemeral = payload.ephemeral_message_parameters
        ? { message_id: 0, ephemeral_message_id: 31 }
        : { message_id: 40 + calls.length };
      return method.startsWith('send') && method !== 'sendMessageDraft' ? ephemeral : true;
    },
  });
  sender = createTelegramSender({ api, pacer: createPacer({ editIntervalMs: () => 0 }) });
});

const inGroup = { chatId: -100, threadId: 12, userId: 7 };
const inPrivate = { chatId: 7, threadId: null, userId: null };
const stop = { action: '1str', label: 'Stop' };

describe('in a group', () => {
  it('shows to one person what is for them, and edits it by its own method', async () => {
    const ref = await sender.send(
      inGroup,
      { text: rich('secret'), ephemeral: true },
      { replyTo: 5, callbackId: 'q' },
    );
    expect(ref).toBe('e|-100|12|31|7');
    expect(calls[0]?.payload).toMatchObject({
      chat_id: -100,
      message_thread_id: 12,
      ephemeral_message_parameters: { receiver_user_id: 7, callback_query_id: 'q' },
      reply_parameters: { message_id: 5, allow_sending_without_reply: true },
    });
    await sender.edit(ref, { text: rich('changed') });
    expect(calls[1]).toMatchObject({
      method: 'editEphemeralMessageText',
      payload: { ephemeral_message_id: 31, receiver_user_id: 7 },
    });
    await sender.editButtons(ref, []);
    expect(calls[2]).toMatchObject({
      method: 'editEphemeralMessageReplyMarkup',
      payload: { reply_markup: { inline_keyboard: [] } },
    });
  });

  it('does without where the server refuses that, and asks only once', async () => {
    refuse = ({ payload }) =>
      payload.ephemeral_message_parameters ? refused(400, 'Bad Request: unsupported parameter') : null;
    await sender.send(inGroup, { text: rich('a'), ephemeral: true });
    await sender.send(inGroup, { text: rich('b'), ephemeral: true });
    expect(calls.map(({ payload }) => 'ephemeral_message_parameters' in payload)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('streams by edits, never by drafts', async () => {
    const stream = await sender.stream(inGroup, stop, rich('Writing…'));
    expect(stream.message).toBe('m|-100|12|41|');
    await stream.finish({ text: rich('Done.') });
    expect(calls.map(({ method }) => method)).toEqual(['sendMessage', 'editMessageText']);
  });
});

describe('in a private chat', () => {
  it('streams by drafts, and falls back to edits for good when the server has none', async () => {
    const stream = await sender.stream(inPrivate, stop, rich('Writing…'));
    await stream.finish({ text: rich('Done.') });
    expect(calls.map(({ method }) => method)).toEqual(['sendMessageDraft', 'sendMessage']);
    expect(calls[0]?.payload).toMatchObject({ can_stop: true, text: 'Writing…' });
    calls.length = 0;
    refuse = ({ method }) =>
      method === 'sendMessageDraft' ? refused(404, 'Not Found: method not found') : null;
    for (let i = 0; i < 2; i += 1)
      await (await sender.stream(inPrivate, stop, rich('Writing…'))).finish({ text: rich('Done.') });
    expect(calls.map(({ method }) => method)).toEqual([
      'sendMessageDraft',
      'sendMessage',
      'editMessageText',
      'sendMessage',
      'editMessageText',
    ]);
    expect(sender.usesDrafts(7)).toBe(false);
  });

  it('sends anew when the message was deleted meanwhile, and takes an unchanged edit for done', async () => {
    const ref = 'm|7||3|' as MessageRef;
    refuse = ({ method }) =>
      method === 'editMessageText' ? refused(400, 'Bad Request: message is not modified: same') : null;
    expect(await sender.edit(ref, { text: rich('same') })).toBe(ref);
    refuse = ({ method }) =>
      method === 'sendMessageDraft'
        ? refused(404, 'Not Found')
        : method === 'editMessageText'
          ? refused(400, 'Bad Request: message to edit not found')
          : null;
    const stream = await sender.stream(inPrivate, stop, rich('Writing…'));
    const final = await stream.finish({ text: rich('Done.') });
    expect(final).not.toBe(stream.message);
    expect(calls.at(-1)).toMatchObject({ method: 'sendMessage', payload: { text: 'Done.' } });
  });

  it('repeats a send whose outcome is unknown once, and no more', async () => {
    refuse = () => new HttpError('lost', new Error('socket hang up'));
    await expect(sender.send(inPrivate, { text: rich('x') })).rejects.toMatchObject({
      code: 'unreachable',
      outcomeUnknown: true,
    });
    expect(calls).toHaveLength(2);
  });
});
