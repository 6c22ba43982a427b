// Budgets, history and refunds through the real platforms and libraries on the local servers: the same words in both.
import { afterEach, describe, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { createDiscordPlatform } from '../../../bots/discord/discord-platform.ts';
import { startPlayground } from '../../../bots/playground/playground-server.ts';
import { createTelegramPlatform } from '../../../bots/telegram/telegram-platform.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { Budget } from '../../../marketplace/budgets/budget.ts';
import { APPS, type App, type ChatSeat, takeSeat } from '../../support/chat-seat.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';
import { drivePlayground } from '../../support/playground-driver.ts';

let endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  endings = [];
});

async function open(app: App): Promise<{ readonly seat: ChatSeat; readonly marketplace: FakeMarketplace }> {
  const playground = await startPlayground();
  const driver = await drivePlayground(playground.url);
  const log = quietBotLog;
  const platform =
    app === 'telegram'
      ? createTelegramPlatform(
          { secret: playground.telegramToken, apiRoot: playground.telegramApiRoot },
          { log },
        )
      : createDiscordPlatform(
          { secret: playground.discordToken, apiRoot: playground.discordApiUrl },
          { log },
        );
  const marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [platform], log });
  const bot = createCommandHandler({ marketplace, delivery, log });
  await platform.start(bot.handle, bot.definitions);
  endings.push(
    () => playground.stop(),
    () => driver.close(),
    () => platform.stop(),
    () => bot.stop(),
  );
  return { seat: await takeSeat(driver, app, 'ada'), marketplace };
}

const budgets: readonly Budget[] = [
  { scope: 'message', limitNano: openNano('0.05'), spentNano: nano(0n), renewsAt: null, own: false },
  { scope: 'day', limitNano: openNano('1'), spentNano: openNano('0.31'), renewsAt: new Date(0), own: true },
];

describe.each(APPS)('money on %s', (app) => {
  it('sets a budget, warns under an answer, refuses at the end of it, pages the history, gives back', async () => {
    const { seat, marketplace } = await open(app);
    marketplace.money.budgetsNow = budgets;
    await seat.command('budget');
    await seat.hears('for today: 0.31 OPEN of 1 OPEN spent, 0.69 OPEN left');
    await seat.command('budget', { which: 'day', amount: '0.5 OPEN' });
    await seat.hears('Your budget for today is set.');
    expect(marketplace.money.budgetsSet).toEqual([{ which: 'day', amount: '0.5 OPEN' }]);

    const spent = { scope: 'day', spentNano: openNano('0.43'), limitNano: openNano('0.5') } as const;
    marketplace.money.warnNext = [{ ...spent, renewsAt: new Date(0) }];
    await seat.say('What is the capital of Portugal?');
    await seat.hears('86 % of your budget for today are spent (0.43 OPEN of 0.5 OPEN). /budget changes it.');
    marketplace.refuseNext = {
      ...{ ok: false, code: 'budget_reached', ...spent },
      ...{ neededNano: openNano('0.1'), renewsAt: new Date(0) },
    };
    await seat.say('And of Spain?');
    const refused = await seat.hears('Your budget for today is too small for another answer');
    expect(refused).toContain('This cost nothing.');
    await seat.press('My budgets');
    await seat.hears('What you spend at most');

    marketplace.money.historyPages = 2;
    await seat.command('history');
    await seat.hears('+10 OPEN · starter grant');
    await seat.press('Older');
    await seat.hears('Your history, page 2');

    await seat.command('refund', { receipt: '1', amount: 'all', reason: 'it was wrong' });
    await seat.hears('Only the operators of this place give back');
    marketplace.money.refundResult = (order) => ({
      ...{ ok: true, receiptNumber: 'R-000001', pseudonym: 'Ada', reason: order.reason },
      ...{ priceNano: openNano('0.0125'), refundedBeforeNano: nano(0n), refundNano: openNano('0.0125') },
    });
    await seat.command('refund', { receipt: '1', amount: 'all', reason: 'it was wrong' });
    await seat.hears('Give back 0.0125 OPEN of receipt R-000001 to Ada?');
    await seat.press('Yes, give it back');
    await seat.hears('0.0125 OPEN were given back');
    expect(marketplace.money.refunded).toMatchObject([
      { receipt: '1', amount: 'all', reason: 'it was wrong' },
    ]);
  });
});
