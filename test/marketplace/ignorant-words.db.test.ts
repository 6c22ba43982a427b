// What people type who know no commands: wrong words, commas, signs, exponents, control characters, whole sentences, at every
// command about money of a real marketplace. Nothing breaks, nothing is said that is no words, nothing moves.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCommandHandler } from '../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../bots/core/durable-delivery.ts';
import type { BotLog } from '../../bots/core/platform.ts';
import { createFakeChat, type FakeChat } from '../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../support/memory-delivery-store.ts';
import { testDatabase } from '../support/postgres.ts';
import { expectBooksHold, type TestMarketplace, testMarketplace } from '../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['fake:u1'] });
});
afterAll(() => world.close());

const WILD = [
  ...['', ' ', '1,5', '-1', '1e30', `1${'0'.repeat(30)}`, '🙂', '٣', 'none', '0', '0.0000000001'],
  ...['9223372036.854775808', '0x10', '\0', '\u202e5', "'; drop table call; --", '\ud800', 'a'.repeat(5_000)],
  ...['R-000001', 'R-999999999', '#1', 'all', 'constructor', '__proto__', 'please give it back'],
];

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  budget: ['which', 'amount'],
  refund: ['receipt', 'amount', 'reason'],
  history: ['page'],
  receipt: ['number'],
  why: ['number'],
  earnings: ['period', 'file'],
  claim: ['amount'],
  deposit: ['amount'],
};
const RIGHT: Readonly<Record<string, string>> = {
  which: 'day',
  receipt: 'R-1',
  period: '7',
  amount: '0.001',
};

it('wild words in every place of 8 commands break nothing, are answered in words and move no money', async () => {
  const faults: unknown[] = [];
  const log: BotLog = {
    info: () => {},
    warn: (facts) => faults.push(facts),
    error: (facts) => faults.push(facts),
  };
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log });
  const bot = createCommandHandler({ marketplace: world.market, delivery, log });
  const chat: FakeChat = createFakeChat({ handler: bot.handle, isPrivate: true });
  await chat.say('What is the capital of France?');
  expect(chat.since()).toContain('receipt R-000001');
  const transfers = () => database.db.selectFrom('transfer').select('id').execute();
  const before = (await transfers()).length;
  for (const [name, options] of Object.entries(COMMANDS))
    for (const [place, option] of options.entries())
      for (const wild of WILD) {
        const right = options.slice(0, place).map((other) => [other, RIGHT[other] ?? '']);
        await chat.command(name, Object.fromEntries([...right, [option, wild]]));
        const said = chat
          .since()
          .replace(/^.*$/m, '')
          .replaceAll(/“[^”]*”/g, '“”');
        expect(said, `/${name} ${option}=${wild}`).toMatch(/\nBot: \S/);
        expect(said, `/${name} ${option}=${wild}`).not.toMatch(/undefined|NaN|Infinity|\[object|went wrong/);
      }
  expect(faults).toEqual([]);
  expect((await transfers()).length).toBe(before);
  await expectBooksHold(database.db);
});
