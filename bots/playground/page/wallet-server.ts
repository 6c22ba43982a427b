// What the wallet page asks its server for. The secret of the visit stays in this tab (sessionStorage): another tab, or another
// person's page in this browser, has its own. Runs in the browser; knows only the paths below /wallet.
import type {
  FaucetResult,
  LinkMessage,
  LinkWalletResult,
  OpenPageResult,
  PageClaim,
  WalletPage,
  Wire,
} from '../../../marketplace/wallets/wallet-views.ts';

export type Refused = { readonly ok: false; readonly code: string; readonly sentence: string };
type Answered<Result> = Extract<Wire<Result>, { readonly ok: true }> | Refused;

const VISIT_KEY = 'wallet-visit';
const TIMEOUT_MS = 20_000;

async function ask<Result>(path: string, body?: object): Promise<Answered<Result>> {
  const visit = sessionStorage.getItem(VISIT_KEY) ?? '';
  const answer = await fetch(`/wallet/${path}`, {
    headers: {
      authorization: `Bearer ${visit}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()) as Answered<Result>;
}

/**
 * Uses the one-time secret of the address, if there is one, and takes it out of the address once the server has answered: until
 * then a reload tries again.
 * @returns a refusal to show
 */
export async function beginVisit(): Promise<Refused | null> {
  const token = location.hash.slice(1);
  if (token === '') return null;
  const opened = await ask<OpenPageResult>('open', { token });
  history.replaceState(null, '', location.pathname);
  if (!opened.ok) return opened;
  sessionStorage.setItem(VISIT_KEY, opened.visit);
  return null;
}

export const readPage = () => ask<WalletPage>('state');
export const readClaim = () => ask<PageClaim>('claim');
export const messageFor = (address: string) => ask<LinkMessage>('message', { address });
export const sendSigned = (message: string, signature: string) =>
  ask<LinkWalletResult>('link', { message, signature });
export const askFaucet = () => ask<FaucetResult>('faucet', {});
