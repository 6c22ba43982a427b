// Durable delivery when the outbox or the platform fails: the person gets the answer, the books of the outbox catch up.
import { describe, expect, it } from 'vitest';
import { createDurableDelivery, type Delivery } from '../../../bots/core/durable-delivery.ts';
import type { MessageRef } from '../../../bots/core/platform.ts';
import { rich } from '../../../bots/core/rich-text.ts';
import { createFakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

const delivery: Delivery = {
  platform: 'fake',
  conversationId: 'c1',
  reply: { text: rich('The answer.') },
  message: null,
  eventKey: null,
};

function bench() {
  const store = createMemoryDeliveryStore();
  const chat = createFakeChat({ handler: async () => {} });
  let down = false;
  const guarded = {
    save: async (...args: Parameters<typeof store.save>) =>
      down ? Promise.reject(new Error('down')) : store.save(...args),
    markSent: async (...args: Parameters<typeof store.markSent>) =>
      down ? Promise.reject(new Error('down')) : store.markSent(...args),
    pending: async () => (down ? Promise.reject(new Error('down')) : store.pending()),
  };
  const durable = createDurableDelivery({
    store: guarded,
    platforms: () => [chat.platform],
    log: quietBotLog,
  });
  const round = async () => {
    await durable.start();
    await durable.stop();
  };
  const via = () => chat.platform.send('c1', delivery.reply, 'k');
  const setDown = (value: boolean) => {
    down = value;
  };
  return { store, chat, durable, round, via, setDown };
}

describe('durable delivery', () => {
  it('sends once, marks it, and leaves nothing for later', async () => {
    const { store, chat, durable, round, via } = bench();
    await durable.promise('k', { ...delivery, reply: { text: rich('Interrupted.') } });
    await durable.send('k', delivery, via);
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.');
    expect(store.sent).toEqual(['k']);
  });

  it('does not touch a call that is still running', async () => {
    const { chat, durable, round } = bench();
    await durable.promise('k', { ...delivery, reply: { text: rich('Interrupted.') } });
    await round();
    expect(chat.transcript()).toBe('');
  });

  it('delivers without an outbox and marks when it is back', async () => {
    const { store, chat, durable, round, via, setDown } = bench();
    setDown(true);
    expect(await durable.send('k', delivery, via)).toBe('m1');
    await durable.later('k2', { ...delivery, reply: { text: rich('Later.') } });
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.');
    setDown(false);
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.\nBot: Later.');
    expect(store.sent).toEqual(['k', 'k2']);
  });

  it('edits the message that is there, and sends a new one when it is gone', async () => {
    const { store, chat, durable, round } = bench();
    const shown = await chat.platform.send('c1', { text: rich('Half an') }, 'x');
    await durable.later('k', { ...delivery, message: shown });
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.');
    await durable.later('k3', { ...delivery, message: 'gone' as MessageRef });
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.\nBot: The answer.');
    expect(store.saved.size).toBe(0);
  });

  it('keeps trying, round by round', async () => {
    const { store, chat, durable, round } = bench();
    await durable.later('k', delivery);
    chat.breakSends(2, new Error('network'));
    await round();
    await round();
    expect(store.saved.size).toBe(1);
    await round();
    expect(chat.transcript()).toBe('Bot: The answer.');
  });
});
