// /earnings and /why as a reader sees them: sums, comparison, periods, files, the arithmetic of one answer and the reasons
// why one was not paid.
import { beforeEach, describe, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { Why, WhyNotPaid } from '../../../marketplace/statements/statement.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { noEarnings } from '../../support/fake-statements.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let chat: FakeChat;

function chatIn(isPrivate: boolean): FakeChat {
  const delivery = createDurableDelivery({
    store: createMemoryDeliveryStore(),
    platforms: () => [chat.platform],
    log: quietBotLog,
  });
  const { handle } = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  return createFakeChat({ handler: handle, isPrivate });
}

beforeEach(() => {
  marketplace = createFakeMarketplace();
  chat = chatIn(true);
});

const earned = {
  ...noEarnings,
  contributor: {
    ...{ calls: 12, influenceCalls: 7, ppmSum: 3_000_000n, dustMicronano: -1_250_000n, meanShare: 0.25 },
    ...{ grossNano: openNano('0.05'), influenceNano: openNano('0.04'), fallbackNano: openNano('0.01') },
    top: [
      {
        ...{ contributionId: 'contrib_1', question: 'What is the *capital* of Kenya?', calls: 3 },
        amountNano: openNano('0.02'),
      },
    ],
    peers: { datanets: 1, contributors: 15, medianNano: openNano('0.004'), earnedLess: 11 },
  },
  roles: [{ role: 'creator', calls: 40, grossNano: openNano('0.1') }] as const,
  paidOutNano: openNano('0.03'),
  waitingNano: openNano('0.02'),
  trialNano: openNano('0.005'),
  wallet: { address: `0x${'a'.repeat(40)}`, claimableNano: openNano('0.03') },
};

describe('/earnings', () => {
  it('tells sums, comparison, best contributions, other roles and what is ready to claim', async () => {
    marketplace.statements.statement = earned;
    await chat.command('earnings');
    expect(chat.transcript()).toBe(
      [
        'Ada: /earnings',
        'Bot: **Your earnings, the last 30 days**',
        'Your contributions earned **0.05 OPEN** from 12 answers:',
        '• 0.04 OPEN by measured influence, in 7 answers',
        '• 0.01 OPEN by the shared part: what no contribution stood out for',
        '• on average 25 % of an answer’s data part',
        '• rounding to whole nano moved it by −1.25 nano in all',
        'Half of the 15 contributors of the same datanet earned 0.004 OPEN or less; 11 of them earned less than you.',
        '',
        '**What earned most**',
        '0.02 OPEN in 3 answers: What is the *capital* of Kenya?',
        'As the creator of models: 0.1 OPEN from 40 answers.',
        '',
        'Paid out to your wallet in this time: 0.03 OPEN. Earned and not paid out yet: 0.02 OPEN.',
        '0.005 OPEN more, in all, came from answers that others got as a gift (trial credit): nobody paid in for them, so it is not paid out.',
        `Paid out to 0x${'a'.repeat(40)} and not claimed yet: 0.03 OPEN. /claim tells what of it is ready.`,
        '(/why with a receipt’s number tells what one answer paid you and why; /earnings 30 csv gives a file.)',
        '  [7 days] [All time] [My balance]',
      ].join('\n'),
    );
    await chat.press('All time');
    expect(chat.transcript()).toContain('**Your earnings, all time**');
    expect(chat.transcript()).not.toContain('PLATFORM_WALLET');
    const node = { role: 'node', calls: 40, grossNano: openNano('0.06') } as const;
    marketplace.statements.statement = { ...earned, roles: [node] };
    await chat.command('earnings');
    expect(chat.transcript()).toContain(
      'This computer, as a node: 0.06 OPEN from 40 answers.\nWhat this computer and the marketplace earned is not in the next lines: it goes to the operator’s wallet (PLATFORM_WALLET), not to yours.\n\nPaid out',
    );
  });

  it('of somebody who earned nothing says so, and that no wallet is linked', async () => {
    await chat.command('earnings', { period: 'all' });
    expect(chat.transcript()).toContain('No answer was made of your contributions in this time.');
    expect(chat.transcript()).toContain('/wallet links one');
  });

  it('gives a file for csv or json in private, none in a shared place, and refuses other words', async () => {
    await chat.command('earnings', { period: '7', file: 'csv' });
    await chat.command('earnings', { period: 'JSON' });
    expect(chat.files.map(({ fileName, caption }) => [fileName, caption])).toEqual([
      ['earnings-7.csv', 'Your earnings, the last 7 days: 1 share'],
      ['earnings-30.json', 'Your earnings, the last 30 days: 1 share'],
    ]);
    for (const [period, file] of [
      ['yesterday', ''],
      ['7', 'pdf'],
      ['constructor', ''],
    ]) {
      await chat.command('earnings', { period, file });
      expect(chat.since()).toContain('I do not know the period');
    }
    chat = chatIn(false);
    await chat.command('earnings', { period: '7 days', file: 'csv' });
    expect(chat.files).toEqual([]);
    expect(chat.transcript()).toContain('ask me for it in a private chat');
  });
});

const paid: Extract<Why, { ok: true }> = {
  ok: true,
  ...{ receiptNumber: 'R-000042', model: 'pocket-atlas', version: 2, capturedAt: '2026-11-21T09:05:00.000Z' },
  ...{
    priceNano: nano(2_156_000n),
    dataBps: 5_000,
    poolNano: nano(1_078_000n),
    alpha: 0.8,
    noiseFloor: 0.05,
  },
  note: null,
  fallback: { totalNano: nano(323_401n), weights: 3_000 },
  lines: [
    {
      ...{ kind: 'influence', contributionId: 'contrib_1', question: 'What is the capital of Kenya?' },
      ...{
        sharePpm: 600_001,
        amountNano: nano(646_802n),
        wholeNano: 646_801n,
        restMillionths: 78_000,
        odd: true,
        weight: 0,
      },
    },
    {
      ...{ kind: 'fallback', contributionId: null, question: null, sharePpm: 99_999 },
      ...{
        amountNano: nano(107_800n),
        wholeNano: 107_800n,
        restMillionths: 333_333,
        odd: false,
        weight: 1_000,
      },
    },
  ],
  totalNano: nano(754_602n),
  silent: 4,
  whyNot: null,
  roles: [{ role: 'creator', amountNano: nano(539_000n) }],
};

describe('/why', () => {
  it('goes from the price to each share, line by line, with the odd nano’s rule and the receipt', async () => {
    marketplace.statements.whyResult = paid;
    await chat.command('why', { number: 'R-42' });
    expect(chat.transcript()).toBe(
      [
        'Ada: /why R-42',
        'Bot: **Why receipt R-000042 paid you 0.000754602 OPEN**',
        '(pocket-atlas v2, 2026-11-21 09:05 UTC)',
        'The answer cost 0.002156 OPEN; 50 % of it, 1078000 nano (1e-9 OPEN), is the data’s part.',
        '• influence 60.0001 % of 1078000 = 646801.078, and one of the odd nanos → 646802 nano: What is the capital of Kenya?',
        '• shared part: what no contribution stood out for, 323401 nano, of which your contributions weigh 1000 in 3000 = 107800.333333, rounded down → 107800 nano',
        'Together: **754602 nano = 0.000754602 OPEN**.',
        '4 further contributions of yours in this version stayed under the noise floor (0.05) in this answer.',
        'Every share is rounded down first; the nanos left over go, one each, to the largest remainders, and where those are equal the turn goes by the call’s id: nobody is favoured.',
        'As the model’s creator you got 0.000539 OPEN.',
        '  [The receipt]',
      ].join('\n'),
    );
  });

  it.each<[WhyNotPaid, string]>([
    ['no_contribution', 'you have no contribution in the datanet'],
    ['not_in_version', 'are not in the version of the datanet'],
    ['retracted', 'what is retracted is not paid'],
    ['own_question', 'you asked it yourself'],
    ['under_floor', 'yours stayed under the noise floor'],
    ['nothing_to_share', 'It paid nobody'],
  ])('of an answer that paid nothing says why: %s', async (whyNot, words) => {
    marketplace.statements.whyResult = {
      ...paid,
      lines: [],
      totalNano: nano(0n),
      roles: [],
      silent: 0,
      whyNot,
    };
    await chat.command('why', { number: '42' });
    expect(chat.transcript()).toContain('**Why receipt R-000042 paid you nothing**');
    expect(chat.transcript()).toContain(words);
  });

  it('without a number, with an unknown one, and before attribution says what to do', async () => {
    await chat.command('why', { number: ' ' });
    expect(chat.since()).toContain('/why R-000042');
    await chat.command('why', { number: 'R-99' });
    expect(chat.since()).toContain('There is no receipt “R-99”');
    marketplace.statements.whyResult = { ok: false, code: 'not_attributed_yet' };
    await chat.command('why', { number: '1' });
    expect(chat.since()).toContain('still being attributed');
  });
});
