// /claim as whole transcripts: what was earned and where it is on its way, taking out what was paid in, and every refusal.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandHandler, createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { AskBackResult, Claims } from '../../../marketplace/payouts/claim-views.ts';
import { noClaims } from '../../support/fake-claims.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { FAKE_TOKEN } from '../../support/fake-wallets.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

const PAGE = 'http://127.0.0.1:8137/wallet';
const WALLET = `0x${'12'.repeat(19)}34`;

let marketplace: FakeMarketplace;
let bot: CommandHandler;
let chat: FakeChat;
let said = '';

beforeEach(() => {
  marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  bot = createCommandHandler({ marketplace, delivery, log: quietBotLog, walletPageUrl: PAGE });
  chat = createFakeChat({ handler: bot.handle });
});

type Known = Extract<Claims, { ok: true }>;
const now = (claims: Partial<Known>): void => {
  marketplace.claiming.claimsNow = { ...noClaims, ...claims };
};

const onChain: NonNullable<Known['onChain']> = {
  ok: true,
  address: WALLET,
  cumulativeNano: openNano('3'),
  claimedNano: openNano('1'),
  claimableNano: openNano('2'),
  waiting: { amountNano: openNano('0.5'), epoch: 7, activeAt: new Date(Date.UTC(2026, 10, 21, 12)) },
  claim: null,
  paused: false,
};

describe('/claim', () => {
  it('without a wallet says that earnings wait, and how to link one', async () => {
    now({ earnedNano: openNano('1.25') });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain(
      'Earned and not yet paid out: **1.25 OPEN**\nNo wallet is linked, so nothing can be paid out; it waits for you here.\n\n**Link a wallet** with this link.',
    );
    expect(said).not.toContain('To be claimed now');
  });

  it('tells what others’ gifts paid apart: it is not paid out', async () => {
    now({ wallet: WALLET, trialNano: openNano('0.75') });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain(
      'Earned and not yet paid out: **0 OPEN**\n0.75 OPEN more came from answers that others got as a gift: nobody paid in for them, so it is not paid out.',
    );
  });

  it('tells what was earned, what comes with the next epoch, what can be claimed now and later', async () => {
    now({
      wallet: WALLET,
      earnedNano: openNano('0.2'),
      ownNano: openNano('4'),
      nextNano: openNano('0.3'),
      onChain,
    });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain(
      [
        'Earned and not yet paid out: **0.2 OPEN**',
        'It is paid out to your wallet with the next epoch, 21 Nov 2099, 10:00 UTC at the earliest.',
        'Of what you paid in, 4 OPEN can go back to your wallet: /claim and an amount.',
        '',
        '**Your wallet **`0x1212…1234`',
        'To be claimed now: **2 OPEN**',
        '0.5 OPEN more from 21 Nov 2026, 12:00 UTC on.',
        '0.3 OPEN more with the next epoch.',
        '1 OPEN claimed so far.',
        '',
        `**Claim on the wallet page** with this link.`,
      ].join('\n'),
    );
    expect(said).toContain(FAKE_TOKEN);
  });

  it('says what is too little to be paid out, when the vault is paused, when nobody posts, when the chain is away', async () => {
    now({
      wallet: WALLET,
      earnedNano: openNano('0.002'),
      onChain: { ...onChain, paused: true },
      isPosted: false,
    });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain('It is paid out once it is 0.01 OPEN or more.');
    expect(said).toContain('The vault is paused: nothing can be claimed until it goes on.');
    expect(said).toContain('Nobody here can post epochs at the moment');
    now({ wallet: WALLET, chainTrouble: 'chain_away', nextEpochAt: new Date(0), earnedNano: openNano('1') });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain('with the next epoch, within minutes.');
    expect(said).toContain('The chain cannot be reached at the moment. What is yours there stays yours');
    now({ wallet: WALLET, chainTrouble: 'chain_replaced' });
    await chat.command('claim');
    expect(chat.since()).toMatch(
      /Nothing can be claimed at the moment: .*delete the folders “chain” and “postgres” together/,
    );
    now({ wallet: WALLET, onChain: { ...onChain, paused: true } });
    await chat.command('claim');
    expect(chat.since()).toContain('0.5 OPEN more some time after the pause of the vault.\n');
    expect(chat.since()).not.toContain('2026, 12:00');
    now({ wallet: WALLET, chainTrouble: 'foreign_root' });
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain('The vault does not stand where our books do');
  });

  it('says so where there is no chain', async () => {
    marketplace.claiming.claimsNow = { ok: false, code: 'no_chain' };
    await chat.command('claim');
    said = chat.since();
    expect(said).toContain('This place has no chain');
  });
});

describe('/claim with an amount', () => {
  it('moves paid-in OPEN into the next epoch, and its button keeps it here again', async () => {
    now({ wallet: WALLET, ownNano: openNano('4') });
    await chat.command('claim', { amount: '1.5' });
    said = chat.since();
    expect(said).toContain(
      '**Done.** 1.5 OPEN of what you paid in goes to your wallet with the next epoch, 21 Nov 2099, 10:00 UTC at the earliest.',
    );
    expect(said).toContain('Asked back: **1.5 OPEN** goes to your wallet');
    await chat.press('Keep 1.5 OPEN here');
    said = chat.transcript();
    expect(marketplace.claiming.asked).toEqual(['1.5', 'none']);
    expect(said).toContain('**Done.** 1.5 OPEN stays here.');
    expect(said).not.toContain('Asked back');
  });

  const refusals: readonly (readonly [string, Extract<AskBackResult, { ok: false }>, string])[] = [
    ['much', { ok: false, code: 'not_an_amount' }, '“much” is not an amount of OPEN'],
    ['0.1234567891', { ok: false, code: 'too_many_decimals', decimalsMax: 9 }, 'OPEN has at most 9.'],
    ['9'.repeat(30), { ok: false, code: 'too_large' }, 'is more OPEN than there is.'],
    ['1', { ok: false, code: 'no_wallet' }, 'No wallet is linked to which it could go; link one first.'],
    [
      '9',
      { ok: false, code: 'balance_too_low', neededNano: openNano('9'), availableNano: openNano('4') },
      'Only what you paid in can go back, and that is 4 OPEN.',
    ],
    [
      '1',
      { ok: false, code: 'balance_too_low', neededNano: openNano('1'), availableNano: nano(0n) },
      'a gift buys answers and cannot be withdrawn.',
    ],
  ];
  it.each(refusals)('%s is refused by a reason, and nothing is changed', async (amount, refusal, words) => {
    now({ wallet: WALLET });
    marketplace.claiming.refusal = refusal;
    await chat.command('claim', { amount });
    said = chat.since();
    expect(said).toContain(words);
    expect(said).toContain('Nothing was changed.');
  });

  it('none, with nothing asked back, says so', async () => {
    now({ wallet: WALLET });
    await chat.command('claim', { amount: 'none' });
    said = chat.since();
    expect(said).toContain('Nothing was asked back, so there is nothing to cancel.');
  });
});
