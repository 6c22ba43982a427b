// /books as a reader sees it: sound with and without a chain, failed, and before the first proof. It names nobody.
import { beforeEach, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { PublicBooks } from '../../../marketplace/books-verbs.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let chat: FakeChat;

const sound: PublicBooks = {
  proof: {
    number: 41,
    at: new Date(Date.UTC(2026, 10, 21, 3, 0)),
    ok: true,
    rules: 26,
    broken: [],
    hash: '0123456789abcdef'.repeat(4),
  },
  totals: [
    { kind: 'treasury', accounts: 1, balanceNano: nano(-30_000_000_000n) },
    { kind: 'user', accounts: 3, balanceNano: openNano('70') },
    { kind: 'contributor', accounts: 12, balanceNano: openNano('9.5') },
    { kind: 'claimable', accounts: 2, balanceNano: openNano('0.5') },
    { kind: 'hold', accounts: 3, balanceNano: nano(0n) },
  ],
  paidCalls: 1204,
  capturedNano: openNano('20'),
  contributorsNano: openNano('10'),
  owedNano: openNano('80'),
  promisedNano: openNano('30'),
  claimableNano: openNano('0.5'),
  coinsNano: openNano('50'),
};

beforeEach(() => {
  marketplace = createFakeMarketplace();
  const delivery = createDurableDelivery({
    store: createMemoryDeliveryStore(),
    platforms: () => [chat.platform],
    log: quietBotLog,
  });
  const bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  chat = createFakeChat({ handler: bot.handle, isPrivate: true });
});

async function shown(books: PublicBooks | null): Promise<string> {
  marketplace.booksNow = books;
  await chat.command('books');
  return chat.since();
}

it('that balance: the proof, what happened so far, where it is, what stands behind it', async () => {
  expect(await shown(sound)).toBe(
    [
      'Ada: /books',
      'Bot: ✅ **The books balance**: 26 rules, no difference.',
      'Proof 41, 21 Nov 2026, 03:00 UTC, one is made every night.',
      'Its fingerprint: `0123456789abcdef`',
      '',
      '**Up to that proof**',
      '• 1,204 paid answers for 20 OPEN',
      '• 10 OPEN of it shared among contributors',
      '',
      '**Where it is**',
      '• 70 OPEN people’s balances',
      '• 9.5 OPEN earned by contributors',
      '• 0.5 OPEN ready to be claimed on the chain',
      '',
      '**What stands behind it**',
      '• 50 OPEN in the vault on the chain, 62.5 % of the 80 OPEN owed.',
      '• 30 OPEN are the operator’s promise: gifts that no coins stand behind yet.',
      '• What can be claimed now, 0.5 OPEN, is covered in full.',
    ].join('\n'),
  );
});

it('without a chain say so', async () => {
  expect(await shown({ ...sound, coinsNano: null })).toContain(
    '• 80 OPEN owed; this place has no chain to ask for coins.',
  );
});

it('that do not balance say which rules, and that nothing is paid out', async () => {
  const proof = { ...sound.proof, ok: false, broken: ['balances_match_entries'] };
  expect(await shown({ ...sound, proof })).toContain(
    '🚨 **The books do not balance**: 1 of 26 rules fail (balances_match_entries). Nothing is paid out until they hold; the operators know.',
  );
});

it('that were never proved say when they will be', async () => {
  expect(await shown(null)).toContain('The books have not been proved yet');
});
