// What the wallet page understands: amounts as people type them, and what became of a transaction that did not go straight
// into a block. Without a browser; the whole page is driven in wallet-page.web.test.ts.
import { makeError, type TransactionReceipt, type TransactionResponse } from 'ethers';
import { describe, expect, it } from 'vitest';
import { fateOf, readAmount } from '../../bots/playground/page/wallet-contracts.ts';

const OPEN = 10n ** 18n;

describe('an amount', () => {
  it('is read with a point or a comma, to 9 decimals and no more than the wallet holds', () => {
    expect(readAmount(' 25 ', 100n * OPEN)).toBe(25n * OPEN);
    expect(readAmount('0.000000001', OPEN)).toBe(10n ** 9n);
    expect(readAmount('0,5', OPEN)).toBe(OPEN / 2n);
    expect(readAmount('0.0000000001', OPEN)).toBe('OPEN has at most 9 decimals here.');
    expect(readAmount('100.000000001', 100n * OPEN)).toBe('Your wallet holds less than that.');
    for (const text of ['', '-1', '1e3', '0x10', '1.2.3', 'all'])
      expect(readAmount(text, OPEN)).toBe('Write an amount of OPEN, for example 25 or 0.5.');
    expect(readAmount('0', OPEN)).toBe('Write an amount above 0.');
  });

  it('with a comma before three digits may mean a thousand or one: it is asked again', () => {
    for (const text of ['1,000', '12,500', '1,234,567'])
      expect(readAmount(text, 10_000n * OPEN)).toBe(
        'Write the amount without a comma, for example 1000 or 0.5.',
      );
  });
});

describe('a transaction', () => {
  const replaced = (reason: 'repriced' | 'cancelled') =>
    makeError('transaction was replaced', 'TRANSACTION_REPLACED', {
      ...{ cancelled: reason === 'cancelled', reason, hash: '0x01' },
      replacement: { hash: '0x02' } as TransactionResponse,
      receipt: {} as TransactionReceipt,
    });

  it('sent again with a higher fee goes on under its new hash', () => {
    expect(fateOf(replaced('repriced'))).toEqual({ replacedBy: { hash: '0x02' } });
  });

  it('cancelled in the wallet, or reverted, has failed; one of which nothing is known has not', () => {
    expect(fateOf(replaced('cancelled'))).toEqual({ failed: 'cancelled or replaced in your wallet' });
    const facts = { action: 'call', data: '0x', reason: null, transaction: { to: null, data: '' } } as const;
    const reverted = makeError('reverted', 'CALL_EXCEPTION', {
      ...facts,
      ...{ invocation: null, revert: null },
    });
    expect(fateOf(reverted)).toEqual({ failed: 'failed on the chain' });
    expect(fateOf(makeError('no network', 'NETWORK_ERROR', { event: 'wait' }))).toBeNull();
    expect(fateOf(new TypeError('fetch failed'))).toBeNull();
  });
});
