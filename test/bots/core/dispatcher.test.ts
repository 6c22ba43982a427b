// The dispatcher alone: lanes, order, dedupe, the error boundary and its own failure.
import { beforeEach, describe, expect, it } from 'vitest';
import { createDispatcher } from '../../../bots/core/dispatcher.ts';
import type {
  Inbound,
  InboundHandler,
  MessageRef,
  Reply,
  Responder,
  Source,
} from '../../../bots/core/platform.ts';
import { plainText, rich } from '../../../bots/core/rich-text.ts';
import { quietBotLog } from '../../support/fake-platform.ts';

let said: string[];
let ran: string[];
let handle: InboundHandler;
let dispatch: InboundHandler;

const respond = {
  reply: async ({ text }: Reply) => {
    said.push(plainText(text));
    return 'm' as MessageRef;
  },
  toast: async (text: string) => {
    said.push(`toast ${text}`);
  },
} as unknown as Responder;

const source = (conversationId: string): Source => ({
  platform: 'p',
  userId: 'u',
  displayName: 'U',
  conversationId,
  isPrivate: true,
});
const text = (eventId: string, conversation = 'c'): Inbound => ({
  kind: 'text',
  eventId,
  source: source(conversation),
  text: eventId,
});
const press = (eventId: string, action: string): Inbound => ({
  kind: 'press',
  eventId,
  source: source('c'),
  action,
  message: 'm1' as MessageRef,
});

beforeEach(() => {
  said = [];
  ran = [];
  handle = async (event) => {
    ran.push(event.eventId);
  };
  dispatch = createDispatcher({
    handle: (event, line) => handle(event, line),
    laneOf: (event) =>
      event.kind === 'text' || (event.kind === 'press' && event.action === 'pay') ? 'queued' : 'immediate',
    failureReply: () => ({ text: rich('It failed.') }),
    tooManyReply: () => ({ text: rich('Too many.') }),
    doublePressToast: 'twice',
    log: quietBotLog,
    waitingMax: 2,
    rememberedMax: 3,
  });
});

describe('the dispatcher', () => {
  it('queues by conversation: others do not wait, a failure does not stop the line', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    handle = async ({ eventId }) => {
      if (eventId === '1') {
        await held;
        throw new Error('boom');
      }
      ran.push(eventId);
    };
    const line = [dispatch(text('1'), respond), dispatch(text('2'), respond), dispatch(text('3'), respond)];
    await dispatch(text('4'), respond);
    await dispatch(text('other', 'c2'), respond);
    await dispatch(press('now', 'look'), respond);
    expect([ran, said]).toEqual([['other', 'now'], ['Too many.']]);
    release();
    await Promise.all(line);
    expect([ran, said]).toEqual([
      ['other', 'now', '2', '3'],
      ['Too many.', 'It failed.'],
    ]);
  });

  it('takes each event id once, and forgets the oldest when it remembers enough', async () => {
    for (const id of ['a', 'a', 'b', 'c', 'd', 'b']) await dispatch(text(id), respond);
    expect(ran).toEqual(['a', 'b', 'c', 'd']);
    await dispatch(text('a'), respond);
    expect(ran.at(-1)).toBe('a');
  });

  it('answers a double press of what costs with a notice, and lets looking up again pass', async () => {
    await Promise.all([dispatch(press('1', 'pay'), respond), dispatch(press('2', 'pay'), respond)]);
    await dispatch(press('3', 'pay'), respond);
    await dispatch(press('4', 'look'), respond);
    await dispatch(press('5', 'look'), respond);
    expect([ran, said]).toEqual([
      ['1', '4', '5'],
      ['toast twice', 'toast twice'],
    ]);
  });

  it('survives a line that cannot even take the failure notice', async () => {
    handle = async () => {
      throw new Error('boom');
    };
    const dead = { reply: () => Promise.reject(new Error('dead')) } as unknown as Responder;
    await expect(dispatch(text('1'), dead)).resolves.toBeUndefined();
  });
});
