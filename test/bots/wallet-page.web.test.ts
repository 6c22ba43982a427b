// The wallet page: what its routes take and refuse, and in a real browser on a real chain the whole way: practice wallet, link,
// faucet, deposit, credited, claim.
import { readFileSync } from 'node:fs';
import { type FunctionFragment, Interface, JsonRpcProvider, toUtf8String } from 'ethers';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PageServer, startPageServer } from '../../bots/page-server.ts';
import { OPEN_FUNCTIONS, VAULT_FUNCTIONS } from '../../bots/playground/page/wallet-contracts.ts';
import { walletRoutes } from '../../bots/wallet-page/wallet-routes.ts';
import type { Chain } from '../../contracts/client/chain.ts';
import { openWalletGate, type WalletGate } from '../../contracts/local/wallet-gate.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { prepareJobs } from '../../marketplace/jobs/job-runner.ts';
import type { Person } from '../../marketplace/marketplace.ts';
import { personBehind } from '../../marketplace/people.ts';
import { type WalletVerbs, walletVerbs } from '../../marketplace/wallet-verbs.ts';
import { TREASURY_REF } from '../../marketplace/wallets/deposit-owner.ts';
import { createWatcher } from '../../marketplace/wallets/watch-chain.ts';
import { createFakeWallets, FAKE_TOKEN } from '../support/fake-wallets.ts';
import { launchChromium } from '../support/find-chromium.ts';
import { testDatabase } from '../support/postgres.ts';
import { quietLog } from '../support/quiet-log.ts';
import { give, type SettlementMarket, settlementMarket, settleUntil } from '../support/settlement-world.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testChain } from '../support/test-chain.ts';

const serve = (verbs: WalletVerbs, publicUrl?: string): Promise<PageServer> =>
  startPageServer({ routes: { '/wallet': walletRoutes(verbs, { publicUrl }) }, port: 0, publicUrl });
const pageOf = (server: PageServer): string => `${server.url}wallet`;

describe('the routes', () => {
  let server: PageServer;
  let verbs: ReturnType<typeof createFakeWallets>['verbs'];
  const asked: unknown[] = [];
  beforeEach(async () => {
    asked.length = 0;
    verbs = {
      ...createFakeWallets().verbs,
      openWalletPage: async (token) => {
        asked.push(token);
        return { ok: true, visit: 'a'.repeat(64) };
      },
      linkWallet: async (input) => {
        asked.push(input);
        return { ok: false, code: 'other_domain' };
      },
    };
    server = await serve(verbs);
  });
  afterEach(() => server.stop());

  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}, at = server) =>
    fetch(`${pageOf(at)}/${path}`, {
      method: 'POST',
      body,
      headers: { origin: new URL(at.url).origin, 'content-type': 'application/json', ...headers },
    });
  const token = JSON.stringify({ token: FAKE_TOKEN });

  it('open a link for their own page only: another site, no site, no JSON and long bodies are refused', async () => {
    expect(await (await post('open', token)).json()).toEqual({ ok: true, visit: 'a'.repeat(64) });
    const refused = [
      await post('open', token, { origin: 'http://evil.example' }),
      await post('open', token, { origin: 'null' }),
      await post('open', token, { 'content-type': 'text/plain' }),
      await post('open', JSON.stringify({ token: 'f'.repeat(9_000) })),
      await post('open', JSON.stringify({ token: 7 })),
      await post('open', 'no JSON'),
      await fetch(`${pageOf(server)}/open`, {
        method: 'POST',
        body: token,
        headers: { 'content-type': 'application/json' },
      }),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect(asked).toEqual([FAKE_TOKEN]);
    expect(await (await post('open', JSON.stringify({ token: 'guess' }))).json()).toMatchObject({
      ok: false,
      sentence: 'This link is not known here. Write /wallet to the bot for a new one.',
    });
  });

  it('refuse a body that never ends without reading it to the end', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(stream) {
        sent += 1;
        if (sent > 1_000) stream.close();
        else stream.enqueue(new Uint8Array(4_000).fill(32));
      },
    });
    const headers = { host: '127.0.0.1:1', origin: 'http://127.0.0.1:1', 'content-type': 'application/json' };
    const request = new Request('http://127.0.0.1:1/open', {
      ...{ method: 'POST', body: endless, headers, duplex: 'half' },
    } as RequestInit);
    expect((await walletRoutes(verbs).request(request)).status).toBe(403);
    expect(sent).toBeLessThan(10);
  });

  it('bind the message to this very site, and say refusals in a sentence', async () => {
    const visit = 'b'.repeat(64);
    const body = JSON.stringify({ message: 'm', signature: 's' });
    const refused = await post('link', body, { authorization: `Bearer ${visit}` });
    const { host, origin } = new URL(server.url);
    const site = { domain: host, uri: `${origin}/wallet` };
    expect(asked).toEqual([{ visit, message: 'm', signature: 's', site }]);
    expect(await refused.json()).toMatchObject({
      code: 'other_domain',
      sentence: expect.stringContaining('for another site. Nothing was linked'),
    });
  });

  it('tell nothing without the visit’s secret, and nothing is kept by browsers', async () => {
    const state = await fetch(`${pageOf(server)}/state`);
    expect(await state.json()).toMatchObject({ ok: false, code: 'visit_unknown' });
    expect(state.headers.get('cache-control')).toBe('no-store');
    expect(state.headers.get('set-cookie')).toBeNull();
  });

  it('serve the page under a policy that lets it load itself and reach its chain only', async () => {
    const page = await fetch(pageOf(server));
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self' 'sha256-");
    expect(policy).toContain("connect-src 'self' http://127.0.0.1:8545;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const ethers = await fetch(`${pageOf(server)}/ethers.js`);
    expect(ethers.headers.get('content-type')).toContain('text/javascript');
    expect((await ethers.text()).length).toBeGreaterThan(300_000);
  });

  it('with a public address bind the message to it, and take nothing from elsewhere', async () => {
    const publicServer = await serve(verbs, 'https://market.example');
    const body = JSON.stringify({ message: 'm', signature: 's' });
    expect((await post('link', body, {}, publicServer)).status).toBe(403);
    // What a proxy passes on; fetch() itself lets nobody choose the host.
    const routes = walletRoutes(verbs, { publicUrl: 'https://market.example' });
    const headers = { origin: 'https://market.example', 'content-type': 'application/json' };
    expect((await routes.request('/link', { method: 'POST', body, headers })).status).toBe(200);
    expect(asked).toMatchObject([
      { site: { domain: 'market.example', uri: 'https://market.example/wallet' } },
    ]);
    await publicServer.stop();
  });
});

it('the page’s function texts are the compiled contracts’', () => {
  for (const [name, texts] of [
    ['Open', OPEN_FUNCTIONS],
    ['Vault', VAULT_FUNCTIONS],
  ] as const) {
    const file = new URL(`../../contracts/artifacts/${name}.json`, import.meta.url);
    const compiled = new Interface(JSON.parse(readFileSync(file, 'utf8')).abi);
    for (const text of texts) {
      const own = new Interface([text]).fragments[0] as FunctionFragment;
      expect(compiled.getFunction(own.format())?.format('minimal'), text).toBe(own.format('minimal'));
    }
  }
});

const found = await launchChromium();
if (found.reason) console.warn(`wallet page in a browser: skipped, ${found.reason}`);
afterAll(async () => found.browser?.close());

describe.skipIf(found.browser === undefined)('the page', () => {
  const database = testDatabase();
  const chained = testChain();
  const dataDir = temporaryFolder();
  let gate: WalletGate;
  let server: PageServer;
  let market: SettlementMarket;
  let verbs: WalletVerbs;
  let ada: Person;
  const complaints: string[] = [];

  beforeAll(async () => {
    await prepareJobs(database.url, quietLog);
  });
  beforeEach(async () => {
    gate = await openWalletGate(() => chained.rpc, 0);
    const chain: Chain = { ...chained.chain, rpcUrlForWallets: `http://127.0.0.1:${gate.port}` };
    market = settlementMarket(database.db, chain, dataDir);
    verbs = walletVerbs(market);
    ada = await personBehind(market, { platform: 'telegram', userId: '42', displayName: 'Ada' });
    server = await serve(verbs);
    complaints.length = 0;
  });
  afterEach(async () => {
    await server.stop();
    await gate.close();
  });

  async function link(): Promise<string> {
    const made = await verbs.walletLink({ person: ada, platform: 'telegram', privatePlace: null });
    return `${pageOf(server)}#${made.ok ? made.token : ''}`;
  }

  async function open(address: string): Promise<Page> {
    const page = (await found.browser?.newPage()) as Page;
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(address);
    return page;
  }

  const watch = () => createWatcher(market, chained.chain).round();

  /** From an earning to a root that counts. */
  async function earn(open: string): Promise<void> {
    await chained.operator.deposit(1000n * 10n ** 18n, TREASURY_REF);
    await chained.finalize();
    await watch();
    await give(database.db, ada.id, open);
    await settleUntil(market, ['cut']);
    await settleUntil(market, ['sent']);
    await chained.finalize();
    await settleUntil(market, ['final']);
    await chained.passSeconds(2);
    market.advance(2_000);
  }

  it('practice wallet, link, faucet, deposit, credited, claim', async () => {
    const page = await open(await link());
    const told: string[] = [];
    page.on('request', (request) =>
      told.push(`${request.url()} ${request.postData() ?? ''} ${JSON.stringify(request.headers())}`),
    );
    await page.getByTestId('account').getByText('Page of your telegram account Ada (id 42).').waitFor();
    expect(page.url()).not.toContain('#');
    await page.getByTestId('practice').click();
    await page.getByTestId('wallet-words').getByText('Practice wallet 0x').waitFor();
    await page.getByTestId('link').click();
    await page.getByTestId('link-words').getByText('Linked to your telegram account Ada').waitFor();
    expect(await page.getByTestId('message').textContent()).toContain('Chain ID: 813731999');

    await page.getByTestId('faucet').click();
    await page.getByTestId('coins').getByText('Your wallet holds 100 OPEN.').waitFor();
    await page.getByTestId('amount').fill('250');
    await page.getByTestId('deposit').click();
    await page.getByTestId('notice').getByText('Your wallet holds less than that.').waitFor();
    await page.getByTestId('amount').fill('25.5');
    await page.getByTestId('deposit').click();
    const row = page.getByTestId('deposit-row');
    await row.getByText('sent, not seen yet').waitFor();
    await watch();
    await row.getByText(/^seen, 1/).waitFor();
    expect((await balances(database.db, ada.id)).balanceNano).toBe(0n);
    await chained.finalize();
    await watch();
    await row.getByText('✓ credited').waitFor();
    await page.getByTestId('balance').getByText('35.5 OPEN', { exact: true }).waitFor();
    await page.getByTestId('coins').getByText('Your wallet holds 74.5 OPEN.').waitFor();
    expect((await balances(database.db, ada.id)).balanceNano).toBe(openNano('25.5'));

    await page.getByTestId('claim-words').getByText('Nothing to claim right now.').waitFor();
    await earn('3.25');
    await page.getByTestId('claim').getByText('Claim 3.25 OPEN').click();
    await page.getByTestId('coins').getByText('Your wallet holds 77.75 OPEN.').waitFor();
    await page.getByTestId('claim-words').getByText('3.25 OPEN claimed so far.').waitFor();
    await chained.finalize();
    expect(await watch()).toMatchObject({ state: 'followed' });
    await page.reload();
    await page.getByTestId('wallet-words').getByText('Practice wallet 0x').waitFor();
    const keys = await page.evaluate(() => Object.values(localStorage) as string[]);
    expect(keys).toHaveLength(1);
    expect(told.length).toBeGreaterThan(20);
    expect(told.filter((request) => request.includes(keys[0].slice(2)))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  /** A wallet in the browser, as extensions put it there (EIP-1193): keys and signing stay out here. */
  async function withBrowserWallet(
    page: Page,
    { typedData, declines = 0 }: { readonly typedData: boolean; declines?: number },
  ): Promise<{ readonly asked: string[] }> {
    const { wallet } = await chained.person(50n * 10n ** 18n);
    const provider = new JsonRpcProvider(`http://127.0.0.1:${gate.port}`, undefined, { cacheTimeout: -1 });
    const signer = wallet.connect(provider);
    const asked: string[] = [];
    let known = false;
    const fail = (code: number, message: string) => ({ error: { code, message } });
    const answer = async (method: string, params: readonly unknown[]): Promise<object> => {
      asked.push(method);
      switch (method) {
        case 'eth_requestAccounts':
        case 'eth_accounts':
          return { result: [wallet.address] };
        case 'eth_chainId':
          return known ? { result: await provider.send(method, []) } : { result: '0x1' };
        case 'wallet_switchEthereumChain':
          return known ? { result: null } : fail(4902, 'Unrecognized chain');
        case 'wallet_addEthereumChain':
          known = true;
          return { result: null };
        case 'personal_sign':
          if (declines > 0) {
            declines -= 1;
            return fail(4001, 'User rejected the request.');
          }
          return { result: await wallet.signMessage(toUtf8String(String(params[0]))) };
        case 'eth_signTypedData_v4': {
          if (!typedData) return fail(-32_601, 'This wallet signs no typed data.');
          const { domain, types, message } = JSON.parse(String(params[1]));
          const { EIP712Domain: _, ...own } = types;
          return { result: await wallet.signTypedData(domain, own, message) };
        }
        case 'eth_sendTransaction': {
          const { to, data } = params[0] as { readonly to: string; readonly data: string };
          return { result: (await signer.sendTransaction({ to, data })).hash };
        }
        default:
          return { result: await provider.send(method, [...params]) };
      }
    };
    await page.exposeFunction('walletAnswers', answer);
    await page.addInitScript(`globalThis.ethereum = { async request({ method, params = [] }) {
      const { result, error } = await walletAnswers(method, params);
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    } }`);
    return { asked };
  }

  it.each([
    ['with a permit in one transaction', true, 1],
    ['without typed data, approving first', false, 2],
  ])(
    'a wallet of the browser is brought to the chain, links after a first no, and deposits %s',
    async (_, typedData, sends) => {
      const page = (await found.browser?.newPage()) as Page;
      const { asked } = await withBrowserWallet(page, { typedData, declines: 1 });
      await page.goto(await link());
      await page.getByTestId('connect').click();
      await page.getByTestId('wallet-words').getByText('Browser wallet 0x').waitFor();
      expect(asked).toContain('wallet_addEthereumChain');
      await page.getByTestId('link').click();
      await page.getByTestId('notice').getByText('You declined in your wallet. Nothing was sent.').waitFor();
      await page.getByTestId('link').click();
      await page.getByTestId('link-words').getByText('Linked to your telegram account Ada').waitFor();
      await page.getByTestId('coins').getByText('Your wallet holds 50 OPEN.').waitFor();
      await page.getByTestId('amount').fill('20');
      await page.getByTestId('deposit').click();
      await page.getByTestId('deposit-row').getByText('sent, not seen yet').waitFor();
      await chained.finalize();
      await watch();
      await page.getByTestId('deposit-row').getByText('✓ credited').first().waitFor();
      expect(asked.filter((method) => method === 'eth_sendTransaction')).toHaveLength(sends);
      await page.close();
    },
  );

  it('opens by its link once: a second tab and a made-up link are told so', async () => {
    const address = await link();
    const first = await open(address);
    await first.getByTestId('account').getByText('Page of your').waitFor();
    const second = await open(address);
    await second
      .getByTestId('closed')
      .getByText('This link has been opened before, and it opens only once.')
      .waitFor();
    const none = await open(pageOf(server));
    await none.getByTestId('closed').getByText('This page belongs to nobody yet').waitFor();
    await Promise.all([first, second, none].map((page) => page.close()));
    expect(complaints).toEqual([]);
  });

  it('fits a phone, in the dark as well: nothing is wider than 375 pixels', async () => {
    const page = await open(await link());
    await page.setViewportSize({ width: 375, height: 720 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByTestId('account').getByText('Page of your').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    const colours = await page.evaluate(() => {
      const { colorScheme } = getComputedStyle(document.documentElement);
      return colorScheme;
    });
    expect(colours).toContain('dark');
    await page.close();
  });
});
