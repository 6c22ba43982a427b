// The list of deposits on the wallet page: what was just sent from here, what the server has seen with its blocks, and what was
// credited. Runs in the browser; draws only.
import { formatUnits } from 'ethers';
import type { DepositView, Wire } from '../../../marketplace/wallets/wallet-views.ts';
import { el } from './page-dom.ts';

/** Sent from this page and not yet seen by the server. */
export interface SentDeposit {
  readonly hash: string;
  readonly amountWei: bigint;
  readonly failed: string | null;
}

type Seen = Wire<DepositView>;

export const openWords = (nano: bigint): string => `${grouped(formatUnits(nano, 9))} OPEN`;
export const openWordsOfWei = (wei: bigint): string => `${grouped(formatUnits(wei, 18))} OPEN`;

/** "1,234.5" from "1234.5"; "5" from "5.0". */
function grouped(text: string): string {
  const [whole, fraction = ''] = text.split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${digits === '' ? '' : `.${digits}`}`;
}

function stateWords({ state, blocks, blocksNeeded }: Seen): string {
  if (state === 'pending')
    return blocksNeeded === null ? `seen, ${blocks} blocks` : `seen, ${blocks} of ${blocksNeeded} blocks`;
  if (state === 'credited') return '✓ credited';
  return state === 'too_small'
    ? 'too small to be credited'
    : 'credited; its block is gone, an operator knows';
}

const row = (hash: string, state: string, amount: string, words: string, ...more: readonly HTMLElement[]) =>
  el(
    'li',
    { testid: 'deposit-row', title: `Transaction ${hash}`, data: { state } },
    el('span', {}, amount),
    el('span', { class: 'deposit-state' }, words),
    ...more,
  );

/** @param sent newest first; those that the server knows by now are left out */
export function depositRows(sent: readonly SentDeposit[], seen: readonly Seen[]): readonly HTMLElement[] {
  const known = new Set(seen.map(({ txHash }) => txHash));
  return [
    ...sent
      .filter(({ hash }) => !known.has(hash))
      .map(({ hash, amountWei, failed }) =>
        row(
          hash,
          failed === null ? 'sent' : 'failed',
          openWordsOfWei(amountWei),
          failed ?? 'sent, not seen yet',
        ),
      ),
    ...seen.map((deposit) => {
      const { txHash, state, amountNano, blocks, blocksNeeded } = deposit;
      const bar = { max: String(blocksNeeded ?? 1), value: String(blocksNeeded === null ? 0 : blocks) };
      return row(
        txHash,
        state,
        openWords(BigInt(amountNano)),
        stateWords(deposit),
        ...(state === 'pending' ? [el('progress', { attrs: bar })] : []),
      );
    }),
  ];
}
