// The wallet page: connect a wallet, sign and link it, deposit, claim. Asks its server for the state about every second and
// draws the steps from it; what was typed stays. Runs in the browser. States of a step: later, next, done.
import type { PageClaim, WalletPage, Wire } from '../../../marketplace/wallets/wallet-views.ts';
import { byId } from './page-dom.ts';
import {
  coinsOf,
  fateOf,
  faultInWords,
  readAmount,
  sendClaim,
  sendDeposit,
  type WalletCoins,
} from './wallet-contracts.ts';
import { depositRows, openWords, openWordsOfWei, type SentDeposit } from './wallet-deposits.ts';
import {
  connectBrowserWallet,
  hasBrowserWallet,
  hasPracticeWallet,
  type PageWallet,
  practiceWallet,
} from './wallet-key.ts';
import { askFaucet, beginVisit, messageFor, readClaim, readPage, sendSigned } from './wallet-server.ts';

const EVERY_MS = 1_000;
/** The claim and the wallet's coins are asked of the chain: less often. */
const CHAIN_EVERY = 3;

type Page = Extract<Wire<WalletPage>, { readonly ok: true }>;
type Claim = Extract<Wire<PageClaim>, { readonly ok: true }>;

let page: Page | null = null;
let wallet: PageWallet | null = null;
let coins: WalletCoins | null = null;
let claim: Claim | null = null;
let claimTrouble = '';
let sent: readonly SentDeposit[] = [];
/** One thing at a time: a wallet asks one question at a time. */
let busy = false;
let looks = 0;

const button = (id: string): HTMLButtonElement => byId(id) as HTMLButtonElement;
const short = (address: string): string => `${address.slice(0, 8)}…${address.slice(-6)}`;

function setStep(id: string, state: 'later' | 'next' | 'done', words?: string): void {
  byId(`step-${id}`).dataset.state = state;
  if (words !== undefined) byId(`${id}-words`).textContent = words;
}

function show(id: string, visible: boolean, disabled = busy): void {
  button(id).hidden = !visible;
  button(id).disabled = disabled;
}

function notice(text: string): void {
  byId('notice').textContent = text;
  byId('notice').hidden = text === '';
}

function drawWallet({ deposits: { chain, wallet: linked, reference } }: Page): void {
  const practice = hasPracticeWallet(chain, reference);
  byId('practice').textContent = practice ? 'Use your practice wallet' : 'Make a practice wallet';
  show('connect', wallet === null && hasBrowserWallet());
  show('practice', wallet === null && chain.isLocal);
  byId('practice-note').hidden = wallet?.kind !== 'practice';
  if (wallet !== null) {
    const what = wallet.kind === 'practice' ? 'Practice wallet' : 'Browser wallet';
    setStep('wallet', 'done', `${what} ${short(wallet.address)}`);
    return;
  }
  const none = hasBrowserWallet()
    ? 'Connect the wallet of this browser.'
    : 'There is no wallet in this browser: install one, such as MetaMask, and open a new link.';
  const words = chain.isLocal ? 'Take a wallet of your browser, or one made here for practice.' : none;
  setStep('wallet', 'next', linked === null ? words : `${words} Linked: ${short(linked.address)}.`);
}

function drawLink({ deposits: { wallet: linked }, mayLink, account }: Page): void {
  const isLinked = linked !== null && linked.address === wallet?.address;
  show('link', !isLinked && wallet !== null && mayLink);
  if (isLinked) {
    setStep('link', 'done', `Linked to your ${account}. /wallet unlink in the chat ends it.`);
    return;
  }
  const other = linked === null ? '' : ` It replaces ${short(linked.address)}.`;
  if (mayLink)
    setStep('link', wallet === null ? 'later' : 'next', `Sign a message, which costs nothing.${other}`);
  else setStep('link', 'later', 'To link another wallet, write /wallet in the chat for a new link.');
}

function drawDeposit({ deposits: { chain, wallet: linked, deposits, stopped } }: Page): void {
  const isReady = wallet !== null && linked !== null;
  const words = !isReady
    ? 'Link a wallet first.'
    : coins === null
      ? 'Looking at your wallet…'
      : `Your wallet holds ${openWordsOfWei(coins.openWei)}.${coins.feeWei === 0n ? ' It has no coin to pay fees with.' : ''}`;
  byId('coins').textContent =
    stopped !== null
      ? `${words} Nothing is credited at the moment: an operator has to look. What you deposit is credited afterwards.`
      : words;
  const isOwn = linked?.address === wallet?.address;
  show('faucet', isReady && isOwn && chain.isLocal);
  button('deposit').disabled = busy || !isReady || coins === null;
  setStep(
    'deposit',
    isReady ? (deposits.some(({ state }) => state === 'credited') ? 'done' : 'next') : 'later',
  );
  byId('deposits').replaceChildren(...depositRows(sent, deposits));
}

function claimWords(): string {
  if (claim === null) return claimTrouble || 'Looking…';
  const { claimableNano, waiting, claimedNano, paused } = claim;
  return [
    BigInt(claimableNano) === 0n
      ? 'Nothing to claim right now.'
      : `${openWords(BigInt(claimableNano))} to claim.`,
    waiting === null
      ? ''
      : paused
        ? ` ${openWords(BigInt(waiting.amountNano))} more some time after the pause.`
        : ` ${openWords(BigInt(waiting.amountNano))} more from ${new Date(waiting.activeAt).toLocaleString()}.`,
    BigInt(claimedNano) === 0n ? '' : ` ${openWords(BigInt(claimedNano))} claimed so far.`,
    paused ? ' The vault is paused: claims wait.' : '',
  ].join('');
}

function drawClaim({ deposits: { wallet: linked } }: Page): void {
  const claimable = claim === null ? 0n : BigInt(claim.claimableNano);
  show('claim', wallet !== null && claim?.claim != null && !claim.paused);
  button('claim').textContent = `Claim ${openWords(claimable)}`;
  const words =
    linked === null ? 'What you earn by answers can be claimed by a linked wallet.' : claimWords();
  setStep('claim', linked !== null && claimable > 0n ? 'next' : 'later', words);
}

function draw(): void {
  if (page === null) return;
  byId('account').textContent = `Page of your ${page.account}.`;
  byId('balance').textContent = openWords(BigInt(page.spendableNano));
  const grantNano = BigInt(page.grantNano);
  byId('grant').textContent = grantNano === 0n ? '' : `${openWords(grantNano)} of it a gift`;
  byId('practice-chain').hidden = !page.deposits.chain.isLocal;
  byId('steps').hidden = false;
  drawWallet(page);
  drawLink(page);
  drawDeposit(page);
  drawClaim(page);
}

function close(sentence: string): void {
  page = null;
  byId('steps').hidden = true;
  byId('account').textContent = '';
  byId('closed').textContent = sentence;
  byId('closed').hidden = false;
}

/** False when the page is closed for good. */
async function look(): Promise<boolean> {
  const state = await readPage();
  byId('offline').hidden = true;
  if (!state.ok) {
    close(state.sentence);
    return false;
  }
  page = state;
  const { chain, wallet: linked, reference } = state.deposits;
  if (wallet === null && linked !== null && hasPracticeWallet(chain, reference)) {
    const kept = practiceWallet(chain, reference);
    if (kept.address === linked.address) wallet = kept;
  }
  draw();
  if (looks++ % CHAIN_EVERY === 0) await lookAtChain();
  return true;
}

/** A chain that does not answer leaves the figures as they were. */
async function lookAtChain(): Promise<void> {
  if (page === null) return;
  if (wallet !== null) coins = await coinsOf(wallet, page.deposits.chain).catch(() => coins);
  if (page.deposits.wallet !== null) {
    const state = await readClaim();
    claim = state.ok ? state : null;
    claimTrouble = state.ok ? '' : state.sentence;
  }
  draw();
}

/** Runs what a button asks for; nothing else can be pressed meanwhile, and a fault is said. */
async function act(work: (now: Page) => Promise<void>): Promise<void> {
  if (busy || page === null) return;
  busy = true;
  notice('');
  draw();
  try {
    await work(page);
  } catch (fault) {
    notice(faultInWords(fault));
  } finally {
    busy = false;
    looks = 0;
    draw();
  }
}

async function signAndLink(): Promise<void> {
  if (wallet === null) return;
  const asked = await messageFor(wallet.address);
  if (!asked.ok) return notice(asked.sentence);
  byId('message').textContent = asked.message;
  byId('message-details').hidden = false;
  const signature = await wallet.signer.signMessage(asked.message);
  const linked = await sendSigned(asked.message, signature);
  if (!linked.ok) notice(linked.sentence);
  else await look();
}

async function deposit({ deposits: { chain, reference } }: Page): Promise<void> {
  const field = byId('amount') as HTMLInputElement;
  if (wallet === null || coins === null) return;
  const amountWei = readAmount(field.value, coins.openWei);
  if (typeof amountWei === 'string') return notice(amountWei);
  const transaction = await sendDeposit(wallet, chain, amountWei, reference);
  const { hash } = transaction;
  field.value = '';
  sent = [{ hash, amountWei, failed: null }, ...sent];
  draw();
  transaction.wait().catch((fault: unknown) => {
    const fate = fateOf(fault);
    // Not known: it stays "sent" until the server sees it; who reads "failed" would deposit twice.
    if (fate === null) return;
    const now = 'failed' in fate ? { failed: fate.failed } : { hash: fate.replacedBy.hash };
    sent = sent.map((one) => (one.hash === hash ? { ...one, ...now } : one));
    draw();
  });
}

async function pour(): Promise<void> {
  const poured = await askFaucet();
  if (!poured.ok) return notice(poured.sentence);
  const before = coins?.openWei ?? 0n;
  // The transaction is sent, not yet in a block: the button waits for the coins.
  for (let tries = 0; tries < 30 && (coins?.openWei ?? 0n) <= before; tries++) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS / 2));
    await lookAtChain();
  }
}

async function claimAll({ deposits: { chain, wallet: linked } }: Page): Promise<void> {
  if (wallet === null || claim === null || claim.claim === null || linked === null) return;
  const transaction = await sendClaim(wallet, chain, { account: linked.address, ...claim.claim });
  await transaction.wait();
  await lookAtChain();
}

function listen(): void {
  button('connect').addEventListener('click', () =>
    act(async ({ deposits }) => {
      wallet = await connectBrowserWallet(deposits.chain);
    }),
  );
  button('practice').addEventListener('click', () =>
    act(async ({ deposits }) => {
      wallet = practiceWallet(deposits.chain, deposits.reference);
    }),
  );
  button('link').addEventListener('click', () => act(signAndLink));
  button('faucet').addEventListener('click', () => act(pour));
  button('claim').addEventListener('click', () => act(claimAll));
  byId('deposit-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void act(deposit);
  });
}

async function follow(): Promise<void> {
  let open = true;
  try {
    open = await look();
  } catch {
    byId('offline').hidden = false;
  }
  if (open) setTimeout(() => void follow(), document.hidden ? 5 * EVERY_MS : EVERY_MS);
}

async function begin(): Promise<void> {
  listen();
  try {
    const refused = await beginVisit();
    if (refused !== null) return close(refused.sentence);
  } catch {
    return close('This page could not be opened. Reload it, or write /wallet to the bot for a new link.');
  }
  await follow();
}

void begin();
