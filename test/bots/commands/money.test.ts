// Budgets, history and refunds from a person's side: whole messages as a reader sees them, on a platform in memory.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandHandler, createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { Budget } from '../../../marketplace/budgets/budget.ts';
import type { SetBudgetResult } from '../../../marketplace/budgets/set-budget.ts';
import type { HistoryLine } from '../../../marketplace/read-history.ts';
import type { RefundRefusal } from '../../../marketplace/refunds/refund-call.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let chat: FakeChat;
let bot: CommandHandler;
let newChat: (isPrivate?: boolean) => FakeChat;

const MIDNIGHT = new Date(Date.UTC(2026, 10, 22));
const message: Budget = {
  scope: 'message',
  limitNano: openNano('0.05'),
  spentNano: nano(0n),
  renewsAt: null,
  own: false,
};
const day: Budget = {
  scope: 'day',
  limitNano: openNano('1'),
  spentNano: openNano('0.31'),
  renewsAt: MIDNIGHT,
  own: true,
};
const conversation: Budget = {
  scope: 'conversation',
  limitNano: null,
  spentNano: openNano('0.0125'),
  renewsAt: null,
  own: true,
};

beforeEach(() => {
  marketplace = createFakeMarketplace();
  marketplace.money.budgetsNow = [message, day, conversation];
  const delivery = createDurableDelivery({
    store: createMemoryDeliveryStore(),
    platforms: () => [chat.platform],
    log: quietBotLog,
  });
  bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  newChat = (isPrivate = true) => createFakeChat({ handler: bot.handle, isPrivate });
  chat = newChat();
});

const BUDGETS = [
  '**What you spend at most**',
  '• per message: at most 0.05 OPEN (as for everybody)',
  '• for today: 0.31 OPEN of 1 OPEN spent, 0.69 OPEN left. It renews at 22 Nov 2026, 00:00 UTC.',
  '• for this conversation: no limit, 0.0125 OPEN spent',
  '',
  'An answer is shortened to fit, and refused where not even a short one would. Answers being written count with the most they can cost.',
  'Set one: `/budget day 0.5`, `/budget message none`, `/budget day default`.',
].join('\n');

describe('/budget', () => {
  it('shows the three budgets, what is spent, what is left and when it renews', async () => {
    await chat.command('budget');
    expect(chat.since()).toBe(`Ada: /budget\nBot: ${BUDGETS}`);
    await chat.command('balance');
    await chat.press('My budgets');
    expect(chat.since()).toContain(`Bot: ${BUDGETS}`);
  });

  it('sets one and shows how they stand', async () => {
    await chat.command('budget', { which: 'day', amount: '0.5' });
    expect(marketplace.money.budgetsSet).toEqual([{ which: 'day', amount: '0.5' }]);
    expect(chat.since()).toContain(`Bot: **Done.** Your budget for today is set.\n\n${BUDGETS}`);
  });

  it.each<[SetBudgetResult, string]>([
    [
      { ok: false, code: 'unknown_budget' },
      'I know three budgets: message, day and conversation. Write one of them first, for example /budget day 0.5.',
    ],
    [
      { ok: false, code: 'amount_missing', scope: 'day' },
      'Write an amount too: /budget day 0.5, or none, or default.',
    ],
    [
      { ok: false, code: 'not_an_amount' },
      '“1,5” is not an amount of OPEN: write digits with a point and no comma, for example 0.5, or none, or default.',
    ],
    [
      { ok: false, code: 'too_many_decimals', decimalsMax: 9 },
      '“1,5” has too many decimals: OPEN has at most 9.',
    ],
    [{ ok: false, code: 'too_large' }, '“1,5” is more OPEN than there is. For no limit write none.'],
  ])('complains %#: what was wrong, that nothing was changed', async (result, words) => {
    marketplace.money.setBudgetResult = result;
    await chat.command('budget', { which: 'day', amount: '1,5' });
    expect(chat.since()).toContain(`Bot: ${words}** Nothing was changed.**\n\n**What you spend at most**`);
  });
});

describe('an answer', () => {
  const warning = {
    scope: 'day',
    spentNano: openNano('0.86'),
    limitNano: openNano('1'),
    renewsAt: MIDNIGHT,
  } as const;

  it('that takes a budget past 80 % says so once under it, in a shared place without the amounts', async () => {
    marketplace.money.warnNext = [warning];
    await chat.say('What is the capital of Portugal?');
    expect(chat.since()).toContain(
      'receipt 1)\n(86 % of your budget for today are spent (0.86 OPEN of 1 OPEN). /budget changes it.)',
    );
    await chat.say('And of Spain?');
    expect(chat.since()).not.toContain('your budget');
    marketplace.money.warnNext = [warning];
    chat = newChat(false);
    await chat.say('And of Italy?', 'in the open');
    expect(chat.since()).toContain(
      '(More than four fifths of your budget for today are spent: /budget shows it.)',
    );
    expect(chat.transcript()).not.toContain('0.86');
  });

  it('is not begun before the most it can cost stands there, the first time a model is asked', async () => {
    const slow = Promise.withResolvers<void>();
    const opening = Promise.withResolvers<void>();
    newChat = () =>
      createFakeChat({
        handler: bot.handle,
        beforeStream: () => {
          opening.resolve();
          return slow.promise;
        },
      });
    chat = newChat();
    let begun = '';
    marketplace.between = async () => {
      begun ||= chat.transcript();
    };
    const asked = chat.say('What is the capital of Portugal?');
    await opening.promise;
    await new Promise(setImmediate);
    expect(begun).toBe('');
    slow.resolve();
    await asked;
    expect(begun).toContain('(up to 0.02 OPEN · you have 10 OPEN · you pay only for what is written)');
  });

  it('that a budget refuses is refused with which, how much, when it renews and how to raise it', async () => {
    const refusal = {
      ok: false,
      code: 'budget_reached',
      scope: 'day',
      spentNano: openNano('0.99'),
      limitNano: openNano('1'),
      neededNano: openNano('0.02'),
      renewsAt: MIDNIGHT,
    } as const;
    marketplace.refuseNext = refusal;
    await chat.say('What is the capital of Portugal?');
    expect(chat.since()).toContain(
      [
        'Your budget for today is too small for another answer: **0.99 OPEN** of **1 OPEN** are spent; the shortest answer could cost 0.02 OPEN. It renews at 22 Nov 2026, 00:00 UTC.',
        '**This cost nothing.** To spend more, raise it: `/budget day <amount of OPEN>`, or `/budget day none` for no limit.',
        '  [My budgets] [Other models]',
      ].join('\n'),
    );
    marketplace.refuseNext = { ...refusal, scope: 'conversation', renewsAt: null };
    await chat.say('And of Spain?');
    expect(chat.since()).toContain('A new conversation (/new) has it anew.');
    marketplace.refuseNext = {
      ...refusal,
      scope: 'message',
      spentNano: nano(0n),
      limitNano: nano(1n),
      renewsAt: null,
    };
    await chat.say('And of Italy?');
    expect(chat.since()).toContain(
      'Even the shortest answer could cost **0.02 OPEN** here, and your budget per message is **0.000000001 OPEN**.',
    );
    chat = newChat(false);
    marketplace.refuseNext = refusal;
    await chat.say('And of Malta?', 'in the open');
    expect(chat.transcript()).toContain(
      'Your budget for today is too small for another answer; the shortest answer',
    );
    expect(chat.transcript()).not.toContain('0.99');
  });
});

describe('/history', () => {
  const at = new Date(Date.UTC(2026, 10, 21, 9, 5));
  const line = (more: Partial<HistoryLine>): HistoryLine => ({
    ...{ at, kind: 'capture', purse: 'spending', amountNano: nano(-2_156_000n), reason: null },
    receiptNumber: 'R-000007',
    ...more,
  });

  it('has a line an event with reason and receipt, and buttons to older and newer ones', async () => {
    marketplace.money.historyPages = 3;
    marketplace.money.historyNow = [
      line({ kind: 'refund', amountNano: openNano('0.001'), reason: 'it was \u202Ewrong' }),
      line({}),
      line({ kind: 'split', purse: 'contributor', amountNano: nano(500n) }),
      line({ purse: 'creator', amountNano: nano(250n) }),
      line({ kind: 'deposit', amountNano: openNano('1234.5'), receiptNumber: null }),
      line({ kind: 'correction', amountNano: nano(-1n), receiptNumber: null, reason: 'paid twice' }),
    ];
    await chat.command('history');
    expect(chat.since()).toBe(
      [
        'Ada: /history',
        'Bot: **Your history**',
        '21 Nov 2026, 09:05 UTC · +0.001 OPEN · given back: it was wrong · receipt R-000007',
        '21 Nov 2026, 09:05 UTC · −0.002156 OPEN · answer · receipt R-000007',
        '21 Nov 2026, 09:05 UTC · +0.0000005 OPEN · earned: your contributions answered · receipt R-000007',
        '21 Nov 2026, 09:05 UTC · +0.00000025 OPEN · earned: your model answered · receipt R-000007',
        '21 Nov 2026, 09:05 UTC · +1,234.5 OPEN · deposit',
        '21 Nov 2026, 09:05 UTC · −0.000000001 OPEN · correction: paid twice',
        '  [Older ›] [My balance]',
      ].join('\n'),
    );
    await chat.press('Older');
    expect(chat.transcript()).toContain('**Your history, page 2**');
    expect(chat.transcript()).toContain('[‹ Newer] [Older ›] [My balance]');
    await chat.command('history', { page: '3' });
    expect(chat.since()).toContain('[‹ Newer] [My balance]');
  });

  it('says so where there is nothing, and that “two” is no page', async () => {
    marketplace.money.historyNow = [];
    await chat.command('history');
    expect(chat.since()).toContain('Nothing yet: the first answer will stand here.');
    await chat.command('history', { page: '9' });
    expect(chat.since()).toContain('**Your history, page 9**\nThat is all there is.');
    for (const page of ['two', '0', '-1', '1e3', '99999999']) {
      await chat.command('history', { page });
      expect(chat.since()).toContain(
        `“${page}” is no page: /history 2 shows the second, /history the newest.`,
      );
    }
  });
});

describe('/refund', () => {
  const args = { receipt: 'R-000007', amount: '0.001', reason: 'it was wrong' };
  const offer = {
    ok: true,
    receiptNumber: 'R-000007',
    pseudonym: 'quiet-heron-417',
    priceNano: openNano('0.0125'),
    refundedBeforeNano: openNano('0.002'),
    refundNano: openNano('0.001'),
    reason: 'it was wrong',
  } as const;

  it('asks once more, gives back at the yes, and once however often it is pressed', async () => {
    marketplace.money.refundResult = () => offer;
    await chat.command('refund', args);
    expect(chat.since()).toContain(
      [
        'Bot: Give back **0.001 OPEN** of receipt R-000007 to quiet-heron-417?',
        'The answer cost 0.0125 OPEN; 0.002 OPEN of it were given back before. The marketplace pays; who earned by the answer keeps it. This cannot be undone.',
        'The person will read:',
        '> it was wrong',
        '  [Yes, give it back] [No]',
      ].join('\n'),
    );
    expect(marketplace.money.refunded).toEqual([]);
    const yes = chat.press('Yes, give it back');
    const again = chat.press('Yes, give it back');
    await Promise.all([yes, again]);
    expect(marketplace.money.refunded).toMatchObject([args]);
    expect(marketplace.money.refunded[0].key).toMatch(/^[\w-]{12}$/);
    await chat.command('refund', args);
    await chat.press('Yes, give it back');
    expect(chat.transcript()).toContain(
      '**0.001 OPEN were given back** for receipt R-000007. quiet-heron-417 is told.',
    );
    expect(marketplace.money.refunded[1].key).not.toBe(marketplace.money.refunded[0].key);
  });

  it('can be pressed again when the database was away, under the same key', async () => {
    marketplace.money.refundResult = () => offer;
    await chat.command('refund', args);
    marketplace.money.refundResult = () => {
      throw new Error('the database is away');
    };
    await chat.press('Yes, give it back').catch(() => undefined);
    marketplace.money.refundResult = () => offer;
    await chat.press('Yes, give it back');
    expect(chat.transcript()).toContain('**0.001 OPEN were given back** for receipt R-000007.');
    const [first, second] = marketplace.money.refunded;
    expect(second.key).toBe(first.key);
  });

  it('is left at a No, and by anybody else who presses', async () => {
    marketplace.money.refundResult = () => offer;
    await chat.command('refund', args);
    const bo = chat.as('99', 'Bo');
    await bo.press('Yes, give it back');
    expect(marketplace.money.refunded).toEqual([]);
    await chat.command('refund', args);
    await chat.press('No');
    expect(chat.transcript()).toContain('All right: nothing was given back.');
    expect(marketplace.money.refunded).toEqual([]);
  });

  it.each<[RefundRefusal, string]>([
    [{ ok: false, code: 'not_allowed' }, 'Only the operators of this place give back what an answer cost.'],
    [{ ok: false, code: 'receipt_not_found' }, 'I find no such receipt.'],
    [{ ok: false, code: 'not_an_amount' }, 'Write how much after the receipt'],
    [{ ok: false, code: 'reason_missing' }, 'Write the reason last'],
    [{ ok: false, code: 'reason_too_long', charsMax: 200 }, 'The reason may have 200 characters.'],
    [
      {
        ok: false,
        code: 'refund_above_price',
        priceNano: openNano('0.0125'),
        refundableNano: openNano('0.01'),
      },
      'That is more than can be given back: the answer cost 0.0125 OPEN, of which 0.01 OPEN are left.',
    ],
    [
      { ok: false, code: 'refund_above_price', priceNano: openNano('0.0125'), refundableNano: nano(0n) },
      'Nothing is left to give back',
    ],
  ])('refuses %#: why, and that nothing was given back', async (refusal, words) => {
    marketplace.money.refundResult = () => refusal;
    await chat.command('refund', args);
    expect(chat.since()).toContain(words);
    expect(chat.transcript()).toContain('** Nothing was given back.**');
    expect(chat.transcript()).not.toContain('[Yes, give it back]');
  });
});
