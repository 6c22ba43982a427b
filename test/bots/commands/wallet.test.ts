// /wallet and /deposit as whole transcripts: the one-time link goes only where nobody else reads, every state has its words,
// and a machine without a chain says so.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandHandler, createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { FAKE_REFERENCE, FAKE_TOKEN, fakeDeposit } from '../../support/fake-wallets.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

const PAGE = 'http://127.0.0.1:8137/wallet';
const LINK = `<${PAGE}#${FAKE_TOKEN}>`;
const ADDRESS = `0x${'12'.repeat(20)}`;

let marketplace: FakeMarketplace;
let bot: CommandHandler;
let chat: FakeChat;

function open(place: { isPrivate?: boolean; hidesReplies?: boolean } = {}, walletPageUrl?: string): void {
  marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  bot = createCommandHandler({ marketplace, delivery, log: quietBotLog, walletPageUrl });
  chat = createFakeChat({ handler: bot.handle, ...place });
}

beforeEach(() => open({}, PAGE));

const linked = () => {
  marketplace.wallets.linked = { address: ADDRESS, linkedAt: new Date(Date.UTC(2026, 10, 21, 9, 5)) };
};

describe('/wallet', () => {
  it('without a wallet gives the one-time link and says how long it opens', async () => {
    await chat.command('wallet');
    expect(chat.since()).toContain(
      `**No wallet is linked yet.**\nWith one you can deposit OPEN to spend here, and what you earn can be paid to it.\nThe chain here is for practice: its OPEN is worth nothing, and the page gives you some.\n\n**Link a wallet** with this link. It is yours alone, opens once and only until 21 Nov 2026, 09:20 UTC:\n${LINK}`,
    );
    expect(marketplace.wallets.newsPlaces).toEqual([chat.source.conversationId]);
  });

  it('shows the linked wallet, and unlink ends it, once', async () => {
    linked();
    await chat.command('wallet');
    expect(chat.since()).toContain(`**Your wallet **\`${ADDRESS}\`\nLinked since 21 Nov 2026, 09:05 UTC.`);
    await chat.command('wallet', { what: 'Unlink' });
    expect(chat.since()).toContain(`**Unlinked: **\`${ADDRESS}\``);
    await chat.command('wallet', { what: 'unlink' });
    expect(chat.since()).toContain('No wallet is linked, so there is nothing to unlink.');
  });

  it('refuses other words and changes nothing', async () => {
    linked();
    await chat.command('wallet', { what: 'sell' });
    expect(chat.since()).toContain('“sell” is none.\n**Nothing was changed.**');
    expect(marketplace.wallets.linked).not.toBeNull();
  });

  it('in a shared place that hides replies gives the link to the one who asked, and no news go there', async () => {
    open({ isPrivate: false }, PAGE);
    await chat.command('wallet');
    expect(chat.since()).toMatch(new RegExp(`${FAKE_TOKEN}[^]*\\(only you see this\\)`));
    expect(marketplace.wallets.newsPlaces).toEqual([null]);
  });

  it('in a shared place that may show replies to all gives no link, no address, no reference and no deposits', async () => {
    open({ isPrivate: false, hidesReplies: false }, PAGE);
    linked();
    marketplace.wallets.depositsNow = [fakeDeposit('credited', '25')];
    await chat.command('wallet');
    expect(chat.since()).toContain('**Write /wallet to me in a private chat.**');
    await chat.command('deposit');
    expect(chat.since()).toContain('**Write /deposit to me in a private chat.**');
    await chat.command('wallet', { what: 'unlink' });
    expect(chat.since()).toContain('**Your wallet is unlinked.**');
    for (const secret of [FAKE_TOKEN, ADDRESS, FAKE_REFERENCE, '25 OPEN', 'cdcd'])
      expect(chat.transcript()).not.toContain(secret);
  });

  it('says so where no page is served, and where there is no chain', async () => {
    open();
    await chat.command('wallet');
    expect(chat.since()).toContain('The wallet page is not served here');
    marketplace.wallets.chainNow = null;
    for (const name of ['wallet', 'deposit']) {
      await chat.command(name);
      expect(chat.since()).toContain(
        'This place has no chain: there are no wallets, deposits and claims here.',
      );
    }
  });
});

describe('/deposit', () => {
  it('tells how: link, vault, chain and the person’s own reference', async () => {
    await chat.command('deposit');
    const said = chat.since();
    expect(said).toContain(`**Deposit OPEN** with this link`);
    expect(said).toContain(LINK);
    expect(said).toContain(
      `chain \`31337\`\nvault \`0x${'0b'.repeat(20)}\`\nyour reference \`${FAKE_REFERENCE}\``,
    );
    expect(said).toContain('No deposit of yours has been seen yet.');
  });

  it('shows what is on its way with its blocks, and what was credited', async () => {
    marketplace.wallets.depositsNow = [
      fakeDeposit('pending', '25'),
      { ...fakeDeposit('pending', '3'), blocksNeeded: null },
      fakeDeposit('credited', '100'),
      fakeDeposit('too_small', '0'),
      fakeDeposit('lost', '7'),
    ];
    await chat.command('deposit');
    expect(chat.since()).toContain(
      [
        '**On its way**',
        '⏳ 25 OPEN · 21 Nov 2026, 09:05 UTC · transaction 0xcdcd…cdcd · 2 of 5 blocks',
        '⏳ 3 OPEN · 21 Nov 2026, 09:05 UTC · transaction 0xcdcd…cdcd · 2 blocks',
        '**Lately**',
        '✓ 100 OPEN · 21 Nov 2026, 09:05 UTC · transaction 0xcdcd…cdcd',
        '✗ 0 OPEN · 21 Nov 2026, 09:05 UTC · transaction 0xcdcd…cdcd · less than the smallest amount here, so not credited',
        '✓ 7 OPEN · 21 Nov 2026, 09:05 UTC · transaction 0xcdcd…cdcd · credited; the chain has dropped its block since, an operator knows',
      ].join('\n'),
    );
  });

  it('says when nothing is credited, and only operators resume', async () => {
    marketplace.wallets.stopped = 'contradiction';
    await chat.command('deposit');
    expect(chat.since()).toContain('**Nothing is credited at the moment: **');
    marketplace.wallets.stopped = 'chain_replaced';
    await chat.command('deposit');
    expect(chat.since()).toMatch(
      /Nothing can be deposited at the moment: .*delete the folders “chain” and “postgres” together/,
    );
    await chat.command('deposit', { what: 'resume' });
    expect(chat.since()).toContain('Only the operators of this place can do that. Nothing was changed.');
    marketplace.wallets.resumeResult = {
      ...{ ok: true, alarm: 'block 7 changed', lostDeposits: 2, lostNano: openNano('5') },
    };
    await chat.command('deposit', { what: 'resume' });
    expect(chat.since()).toContain(
      '2 credited deposits of 5 OPEN in all are missing on it. They stay credited',
    );
  });

  it('takes no amount', async () => {
    await chat.command('deposit', { what: '50' });
    expect(chat.since()).toContain('/deposit takes no amount: “50” was not used.');
  });

  it('is what a balance that is too low points to', async () => {
    await chat.command('start');
    marketplace.refuseNext = {
      ...{ ok: false, code: 'balance_too_low', neededNano: openNano('1'), availableNano: openNano('0.5') },
    };
    await chat.press('Ask: What');
    expect(chat.transcript()).toContain('or pay some in with /deposit.');
  });
});
