// Linking a wallet by a signed message, on a real database: every way in which the message may be wrong is refused with its
// own code and uses nothing up; a link is opened once, a nonce works once, an address has one owner at a time.
import { Wallet } from 'ethers';
import { beforeEach, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { balances } from '../../../db/ledger/balances.ts';
import { deposit } from '../../../db/ledger/deposit.ts';
import { createPerson } from '../../../db/repositories/person-repository.ts';
import { lockAddress } from '../../../db/repositories/wallet-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import type { MarketplaceContext } from '../../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { type WalletVerbs, walletVerbs } from '../../../marketplace/wallet-verbs.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { addressOf, hashOf, type ScriptedChain, scriptedChain } from '../../support/scripted-chain.ts';
import { expectBooksHold } from '../../support/test-marketplace.ts';

const database = testDatabase();
const SITE = { domain: '127.0.0.1:8137', uri: 'http://127.0.0.1:8137/wallet' };
const MINUTE = 60_000;

let script: ScriptedChain;
let verbs: WalletVerbs;
let nowMs = Date.UTC(2026, 10, 21, 9, 0);
let prepared = false;

const marketOn = (chain: ScriptedChain['chain'] | null): MarketplaceContext =>
  ({
    ...{ db: database.db, chain, log: quietLog, settings: { ...DEFAULT_SETTINGS, operators: ['test:boss'] } },
    stopping: new AbortController().signal,
    clock: () => new Date(nowMs),
  }) as unknown as MarketplaceContext;
const verbsOn = (chain: ScriptedChain['chain'] | null): WalletVerbs => walletVerbs(marketOn(chain));

beforeEach(async () => {
  if (!prepared) await prepareJobs(database.url, quietLog);
  prepared = true;
  script = scriptedChain();
  verbs = verbsOn(script.chain);
});

let people = 0;
async function person(displayName = 'Ada', userId?: string): Promise<Person> {
  people += 1;
  const pseudonym = `person-${people}`;
  const identity = { platform: 'test', platformUserId: userId ?? pseudonym, displayName };
  const made = await transact(database.db, (tx) => createPerson(tx, { pseudonym, identity }));
  return { id: made.ok ? made.person.id : '', pseudonym, isNew: true };
}

const place = (who: Person) => ({ platform: 'test', conversationId: `chat of ${who.id}` });

async function visit(who: Person, on = verbs): Promise<string> {
  const made = await on.walletLink({ person: who, platform: 'test', privatePlace: place(who) });
  const opened = await on.openWalletPage(made.ok ? made.token : '');
  return opened.ok ? opened.visit : '';
}

async function messageFor(
  secret: string,
  wallet: { readonly address: string },
  site = SITE,
): Promise<string> {
  const asked = await verbs.walletMessage({ visit: secret, address: wallet.address, site });
  if (!asked.ok) throw new Error(asked.code);
  return asked.message;
}

/** Opens a visit, signs its message and links. */
async function link(who: Person, wallet: Wallet | ReturnType<typeof Wallet.createRandom>) {
  const secret = await visit(who);
  const message = await messageFor(secret, wallet);
  const signature = await wallet.signMessage(message);
  return verbs.linkWallet({ visit: secret, message, signature, site: SITE });
}

const news = async (who: Person) => {
  const connection = await database.pool.reserve();
  const rows = await connection.unsafe('select payload from graphile_worker._private_jobs');
  connection.release();
  return rows
    .map(({ payload }) => payload as { conversationId: string; kind: string; text: string })
    .filter(({ conversationId }) => conversationId === place(who).conversationId);
};

describe('a link to the page', () => {
  it('opens once, within 15 minutes, and only with its secret', async () => {
    const who = await person();
    const made = await verbs.walletLink({ person: who, platform: 'test', privatePlace: null });
    if (!made.ok) throw new Error('no link');
    expect(await verbs.openWalletPage('guessed')).toEqual({ ok: false, code: 'link_unknown' });
    expect(await verbs.openWalletPage(made.token)).toMatchObject({ ok: true });
    expect(await verbs.openWalletPage(made.token)).toEqual({ ok: false, code: 'link_opened' });
    const late = await verbs.walletLink({ person: who, platform: 'test', privatePlace: null });
    nowMs += 15 * MINUTE;
    expect(await verbs.openWalletPage(late.ok ? late.token : '')).toEqual({
      ok: false,
      code: 'link_expired',
    });
  });

  it('opened 10 times at once begins one visit', async () => {
    const who = await person();
    const made = await verbs.walletLink({ person: who, platform: 'test', privatePlace: null });
    const tries = Array.from({ length: 10 }, () => verbs.openWalletPage(made.ok ? made.token : ''));
    const opened = await Promise.all(tries);
    expect(opened.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('leaves none of its secrets in the database', async () => {
    const who = await person();
    const made = await verbs.walletLink({ person: who, platform: 'test', privatePlace: null });
    const token = made.ok ? made.token : '';
    const opened = await verbs.openWalletPage(token);
    const rows = await database.db
      .selectFrom('walletLink')
      .selectAll()
      .where('personId', '=', who.id)
      .execute();
    const written = JSON.stringify(rows);
    expect(written).not.toContain(token);
    expect(written).not.toContain(opened.ok ? opened.visit : '');
  });

  it('begins a visit of one hour', async () => {
    const secret = await visit(await person());
    expect(await verbs.walletPage(secret)).toMatchObject({ ok: true, mayLink: true });
    nowMs += 20 * MINUTE;
    expect(await verbs.walletPage(secret)).toMatchObject({ ok: true, mayLink: false });
    nowMs += 40 * MINUTE;
    expect(await verbs.walletPage(secret)).toEqual({ ok: false, code: 'visit_expired' });
    expect(await verbs.walletPage('guessed')).toEqual({ ok: false, code: 'visit_unknown' });
  });
});

describe('the message', () => {
  it('is EIP-4361 and names domain, chain, nonce, times and the account it will be linked to', async () => {
    const who = await person('Ada\n\nURI: http://evil.example “Lovelace”', 'user-of-ada');
    const wallet = Wallet.createRandom();
    const message = await messageFor(await visit(who), wallet);
    const at = new Date(nowMs).toISOString();
    const until = new Date(nowMs + 15 * MINUTE).toISOString();
    expect(message.split('\n')).toEqual([
      '127.0.0.1:8137 wants you to sign in with your Ethereum account:',
      wallet.address,
      '',
      'Link this wallet to the test account AdaURI httpevil.example Lovelace (id user-of-ada). What this wallet deposits is credited to that account, and what that account earns is paid to this wallet.',
      '',
      'URI: http://127.0.0.1:8137/wallet',
      'Version: 1',
      'Chain ID: 31337',
      expect.stringMatching(/^Nonce: [0-9a-f]{32}$/),
      `Issued At: ${at}`,
      `Expiration Time: ${until}`,
    ]);
  });

  it('signed by its wallet links it, once, and tells the person in the chat of the link', async () => {
    const who = await person();
    const wallet = Wallet.createRandom();
    const secret = await visit(who);
    const message = await messageFor(secret, wallet);
    const signature = await wallet.signMessage(message);
    const input = { visit: secret, message, signature, site: SITE };
    const address = wallet.address.toLowerCase();
    expect(await verbs.linkWallet(input)).toEqual({ ok: true, address, movedNano: 0n });
    expect(await verbs.linkWallet(input)).toEqual({ ok: false, code: 'nonce_used' });
    expect(await verbs.walletMessage({ visit: secret, address, site: SITE })).toEqual({
      ok: false,
      code: 'nonce_used',
    });
    expect(await verbs.wallet(who)).toMatchObject({ ok: true, wallet: { address } });
    expect(await news(who)).toMatchObject([
      { kind: 'wallet_linked', text: expect.stringContaining(address) },
    ]);
  });

  it('sent 10 times at once links once', async () => {
    const who = await person();
    const wallet = Wallet.createRandom();
    const secret = await visit(who);
    const message = await messageFor(secret, wallet);
    const signature = await wallet.signMessage(message);
    const results = await Promise.all(
      Array.from({ length: 10 }, () => verbs.linkWallet({ visit: secret, message, signature, site: SITE })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(new Set(results.map((one) => (one.ok ? 'linked' : one.code)))).toEqual(
      new Set(['linked', 'nonce_used']),
    );
  });

  const wallet = Wallet.createRandom();
  const refusals: readonly (readonly [
    what: string,
    code: string,
    change: (message: string) => string,
    signer?: { signMessage(message: string): Promise<string> },
  ])[] = [
    ['that is no such message', 'message_unreadable', () => 'I agree to everything.'],
    ['with a line more', 'message_unreadable', (text) => `${text}\nResources:`],
    [
      'with the nonce of another visit',
      'nonce_unknown',
      (text) => text.replace(/Nonce: \w+/, `Nonce: ${'a1'.repeat(16)}`),
    ],
    ['for another domain', 'other_domain', (text) => text.replace(SITE.domain, 'evil.example')],
    ['for another chain', 'other_chain', (text) => text.replace('Chain ID: 31337', 'Chain ID: 1')],
    [
      'that names another account',
      'message_changed',
      (text) => text.replace('test account', 'test account of somebody else'),
    ],
    [
      'with a later end',
      'message_changed',
      (text) => text.replace(/Expiration Time: \d+/, 'Expiration Time: 2099'),
    ],
    ['with another page', 'message_changed', (text) => text.replace('/wallet\n', '/other\n')],
    ['signed by another wallet', 'wrong_signature', (text) => text, Wallet.createRandom()],
    [
      'with a signature that is none',
      'wrong_signature',
      (text) => text,
      { signMessage: async () => '0x1234' },
    ],
  ];
  for (const [what, code, change, signer = wallet] of refusals)
    it(`${what} is refused as ${code}, and the right one still links`, async () => {
      const who = await person();
      const secret = await visit(who);
      const right = await messageFor(secret, wallet);
      const message = change(right);
      const signature = await signer.signMessage(message);
      expect(await verbs.linkWallet({ visit: secret, message, signature, site: SITE })).toEqual({
        ok: false,
        code,
      });
      const own = await wallet.signMessage(right);
      expect(
        await verbs.linkWallet({ visit: secret, message: right, signature: own, site: SITE }),
      ).toMatchObject({ ok: true });
      await verbs.unlinkWallet(who);
    });

  it('that is too old is refused', async () => {
    const who = await person();
    const secret = await visit(who);
    const message = await messageFor(secret, wallet);
    const signature = await wallet.signMessage(message);
    nowMs += 15 * MINUTE;
    const late = await verbs.linkWallet({ visit: secret, message, signature, site: SITE });
    expect(late).toEqual({ ok: false, code: 'message_expired' });
  });

  it('of one person cannot be used in the visit of another', async () => {
    const [ada, eve] = [await person(), await person('Eve')];
    const message = await messageFor(await visit(ada), wallet);
    const signature = await wallet.signMessage(message);
    const secret = await visit(eve);
    expect(await verbs.linkWallet({ visit: secret, message, signature, site: SITE })).toEqual({
      ok: false,
      code: 'nonce_unknown',
    });
  });

  it('is not made for what is no address', async () => {
    const secret = await visit(await person());
    const asked = await verbs.walletMessage({ visit: secret, address: '0x12', site: SITE });
    expect(asked).toEqual({ ok: false, code: 'not_an_address' });
  });
});

describe('a wallet', () => {
  it('of somebody else is refused until it is unlinked there; then it may move', async () => {
    const [ada, ben] = [await person(), await person('Ben')];
    const wallet = Wallet.createRandom();
    await link(ada, wallet);
    expect(await link(ben, wallet)).toEqual({ ok: false, code: 'wallet_taken' });
    expect(await verbs.unlinkWallet(ada)).toEqual({ ok: true, address: wallet.address.toLowerCase() });
    expect(await verbs.unlinkWallet(ada)).toEqual({ ok: false, code: 'no_wallet' });
    expect(await link(ben, wallet)).toMatchObject({ ok: true });
  });

  it('taken by 5 people at once becomes one person’s', async () => {
    const wallet = Wallet.createRandom();
    const persons = await Promise.all(Array.from({ length: 5 }, () => person()));
    const results = await Promise.all(persons.map((who) => link(who, wallet)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('replaces the one before; two at once leave one', async () => {
    const who = await person();
    const wallets = Array.from({ length: 4 }, () => Wallet.createRandom());
    await link(who, wallets[0]);
    const results = await Promise.all(wallets.slice(1).map((wallet) => link(who, wallet)));
    expect(results.every(({ ok }) => ok)).toBe(true);
    const rows = await database.db.selectFrom('wallet').selectAll().where('personId', '=', who.id).execute();
    expect(rows.filter(({ unlinkedAt }) => unlinkedAt === null)).toHaveLength(1);
    expect(rows).toHaveLength(4);
  });

  it('brings along what was deposited from it before anybody was known for it', async () => {
    const who = await person();
    const wallet = Wallet.createRandom();
    const to = { kind: 'user', ownerId: `wallet:${wallet.address.toLowerCase()}` } as const;
    const intent = { key: `deposit of ${wallet.address}`, to, amountNano: openNano('12.5'), reason: 'test' };
    await transact(database.db, (tx) => deposit(tx, intent));
    expect(await link(who, wallet)).toMatchObject({ ok: true, movedNano: openNano('12.5') });
    expect((await balances(database.db, who.id)).balanceNano).toBe(openNano('12.5'));
    expect((await balances(database.db, to.ownerId)).balanceNano).toBe(0n);
    await expectBooksHold(database.db);
  });

  it('brings along the deposits that were shown for it: who links it later does not see them as credited', async () => {
    const [first, second] = [await person(), await person()];
    const wallet = Wallet.createRandom();
    const from = wallet.address.toLowerCase();
    const ref = hashOf('a reference that nobody has');
    script.mine([{ kind: 'deposit', from, ref, amountWei: 10n ** 18n, txHash: hashOf(`of ${from}`) }]);
    script.mineEmpty(3);
    await createWatcher(marketOn(script.chain), script.chain).round();
    script.mine([{ kind: 'deposit', from, ref, amountWei: 10n ** 18n, txHash: hashOf(`later of ${from}`) }]);
    await createWatcher(marketOn(script.chain), script.chain).round();
    await link(first, wallet);
    const shown = async (who: Person) => {
      const found = await verbs.deposits({ person: who, privatePlace: null });
      return found.ok ? found.deposits.map(({ state }) => state) : [];
    };
    expect(await shown(first)).toEqual(['pending', 'credited']);
    await verbs.unlinkWallet(first);
    expect(await link(second, wallet)).toMatchObject({ ok: true, movedNano: 0n });
    expect(await shown(first)).toEqual(['credited']);
    expect(await shown(second)).toEqual(['pending']);
  });

  it('linked while a deposit from it is being credited waits for it and brings it along', async () => {
    const who = await person();
    const wallet = Wallet.createRandom();
    const address = wallet.address.toLowerCase();
    const booking = await transact(database.db, async (tx) => {
      await lockAddress(tx, address);
      const linking = link(who, wallet);
      await Promise.race([linking, new Promise((resolve) => setTimeout(resolve, 300))]);
      const to = { kind: 'user', ownerId: `wallet:${address}` } as const;
      await deposit(tx, { key: `late ${address}`, to, amountNano: openNano('2'), reason: 'test' });
      return { linking };
    });
    expect(await booking.linking).toMatchObject({ ok: true, movedNano: openNano('2') });
  });
});

describe('the faucet', () => {
  it('pours 100 OPEN into the linked wallet, and only on the local chain', async () => {
    const who = await person();
    const secret = await visit(who);
    expect(await verbs.walletFaucet(secret)).toEqual({ ok: false, code: 'no_wallet' });
    const wallet = Wallet.createRandom();
    await link(who, wallet);
    expect(await verbs.walletFaucet(secret)).toMatchObject({ ok: true, amountNano: openNano('100') });
    expect(script.faucetSent).toEqual([{ to: wallet.address.toLowerCase(), amountWei: 100n * 10n ** 18n }]);
    const real = verbsOn(scriptedChain({ isLocal: false }).chain);
    expect(await real.walletFaucet(await visit(who, real))).toEqual({ ok: false, code: 'no_faucet' });
    script.failures = 1;
    expect(await verbs.walletFaucet(secret)).toEqual({ ok: false, code: 'chain_away' });
  });
});

describe('an operator', () => {
  it('alone may let the watcher go on', async () => {
    const [ada, boss] = [await person(), await person('Boss', 'boss')];
    expect(await verbs.resumeDeposits(ada)).toEqual({ ok: false, code: 'not_allowed' });
    expect(await verbs.resumeDeposits(boss)).toEqual({ ok: false, code: 'no_alarm' });
  });
});

it('without a chain every verb says so', async () => {
  const none = verbsOn(null);
  const who = await person();
  const all = await Promise.all([
    none.wallet(who),
    none.walletLink({ person: who, platform: 'test', privatePlace: null }),
    none.deposits({ person: who, privatePlace: null }),
    none.walletPage('x'),
    none.walletMessage({ visit: 'x', address: addressOf('x'), site: SITE }),
    none.linkWallet({ visit: 'x', message: '', signature: '', site: SITE }),
    none.walletClaim('x'),
    none.walletFaucet('x'),
  ]);
  expect(new Set(all.map((one) => (one.ok ? '' : one.code)))).toEqual(new Set(['no_chain']));
});
