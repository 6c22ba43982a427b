// The wallet page's own server part: its HTML, ethers' browser build out of node_modules, and what the page asks for. Mounted at
// /wallet by the playground server or the page server. A page acts for whoever opened a one-time link: it holds the secret of
// that visit and sends it with every request, there is no cookie that another site could ride on; besides, what changes
// something must come as JSON from this very site. Never given a private key. Knows words for refusals, and no rules.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { WalletVerbs } from '../../marketplace/wallet-verbs.ts';
import type { WalletSite } from '../../marketplace/wallets/wallet-views.ts';
import { PAGE_HEADERS, readPageFile } from '../playground/page-files.ts';
import { walletRefusal } from './wallet-refusals.ts';

interface WalletRoutesOptions {
  /** Where the outside reaches this server, e.g. https://market.example; absent: only this machine does. */
  readonly publicUrl?: string;
}

const BODY_BYTES_MAX = 8_000;
const SECRET = /^Bearer ([0-9a-f]{64})$/;
const TOKEN = /^[0-9a-f]{64}$/;
/** ethers as one file for browsers. */
const ETHERS = new URL('../dist/ethers.min.js', import.meta.resolve('ethers'));

const isLocalName = (host: string): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);

export function walletRoutes(marketplace: WalletVerbs, { publicUrl }: WalletRoutesOptions = {}): Hono {
  const routes = new Hono();
  /** The site that a wallet shows; null when the request came by a name that is none of ours. */
  const siteOf = (context: Context): (WalletSite & { readonly origin: string }) | null => {
    const host = context.req.header('host') ?? '';
    const origin = publicUrl === undefined ? `http://${host}` : new URL(publicUrl).origin;
    if (publicUrl === undefined && !isLocalName(host)) return null;
    return { origin, domain: new URL(origin).host, uri: `${origin}/wallet` };
  };
  const page = readPageFile('wallet.html');
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '';
  const importMapHash = createHash('sha256').update(importMap).digest('base64');
  let ethers: string | undefined;

  routes.get('/', (context) => {
    const rpc = marketplace.walletChain()?.rpcUrl;
    const connect = rpc === undefined ? "'self'" : `'self' ${new URL(rpc).origin}`;
    return context.body(page, 200, {
      ...PAGE_HEADERS,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; script-src 'self' 'sha256-${importMapHash}'; style-src 'self'; img-src 'self' data:; connect-src ${connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'Referrer-Policy': 'no-referrer',
    });
  });
  routes.get('/ethers.js', (context) => {
    ethers ??= readFileSync(fileURLToPath(ETHERS), 'utf8');
    return context.body(ethers, 200, {
      'Content-Type': 'text/javascript; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'public, max-age=86400',
    });
  });

  const answer = (context: Context, result: { readonly ok: boolean }): Response => {
    const said =
      result.ok || !('code' in result) ? result : { ...result, sentence: walletRefusal(String(result.code)) };
    return context.body(toJson(said), 200, {
      'Content-Type': 'application/json; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
  };
  const visitOf = (context: Context): string =>
    SECRET.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
  /** The body's texts, or null when this is no request of our own page. */
  const postedBy = async (
    context: Context,
    names: readonly string[],
  ): Promise<{ readonly site: WalletSite; readonly texts: readonly string[] } | null> => {
    const site = siteOf(context);
    if (site === null || context.req.header('origin') !== site.origin) return null;
    if (!/^application\/json\b/.test(context.req.header('content-type') ?? '')) return null;
    const body = await context.req.text();
    const texts = textsIn(body, names);
    return texts === null ? null : { site: { domain: site.domain, uri: site.uri }, texts };
  };
  const refused = (context: Context): Response => context.text('Forbidden', 403);
  // Before a body is read: the outside may reach this server.
  routes.use('*', bodyLimit({ maxSize: BODY_BYTES_MAX, onError: refused }));

  routes.get('/state', async (context) => answer(context, await marketplace.walletPage(visitOf(context))));
  routes.get('/claim', async (context) => answer(context, await marketplace.walletClaim(visitOf(context))));
  routes.post('/open', async (context) => {
    const posted = await postedBy(context, ['token']);
    if (posted === null) return refused(context);
    const [token] = posted.texts;
    const opened = TOKEN.test(token) ? await marketplace.openWalletPage(token) : null;
    return answer(context, opened ?? ({ ok: false, code: 'link_unknown' } as { ok: false }));
  });
  routes.post('/message', async (context) => {
    const posted = await postedBy(context, ['address']);
    if (posted === null) return refused(context);
    const {
      site,
      texts: [address],
    } = posted;
    return answer(context, await marketplace.walletMessage({ visit: visitOf(context), address, site }));
  });
  routes.post('/link', async (context) => {
    const posted = await postedBy(context, ['message', 'signature']);
    if (posted === null) return refused(context);
    const {
      site,
      texts: [message, signature],
    } = posted;
    return answer(
      context,
      await marketplace.linkWallet({ visit: visitOf(context), message, signature, site }),
    );
  });
  routes.post('/faucet', async (context) => {
    const posted = await postedBy(context, []);
    return posted === null
      ? refused(context)
      : answer(context, await marketplace.walletFaucet(visitOf(context)));
  });
  return routes;
}

function textsIn(body: string, names: readonly string[]): readonly string[] | null {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return null;
    const values = names.map((name) => (parsed as Readonly<Record<string, unknown>>)[name]);
    return values.every((value) => typeof value === 'string') ? (values as readonly string[]) : null;
  } catch {
    return null;
  }
}

/** Amounts as text: JSON has no numbers for them. */
const toJson = (value: object): string =>
  JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
