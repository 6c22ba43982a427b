// The chain client against anvil with the contracts deployed.
import { id, ZeroHash } from 'ethers';
import { describe, expect, it } from 'vitest';
import { testChain } from '../../support/test-chain.ts';

const OPEN = 10n ** 18n;
const test = testChain();

describe('the chain client', () => {
  it('reads an empty vault', async () => {
    expect(await test.chain.vault()).toMatchObject({
      coinsWei: 0n,
      lastEpoch: 0n,
      activeRoot: ZeroHash,
      pending: null,
      paused: false,
    });
  });

  it('tells a deposit with its place, in the order of the chain', async () => {
    const person = await test.person(10n * OPEN);
    const txHash = await person.deposit(3n * OPEN, id('somebody'));
    const { latest } = await test.chain.heads();
    const logs = await test.chain.logs(test.chain.firstBlock, latest.number);
    expect(logs).toEqual([
      expect.objectContaining({
        kind: 'deposit',
        from: person.address,
        ref: id('somebody'),
        amountWei: 3n * OPEN,
        txHash,
        blockHash: latest.hash,
        blockNumber: latest.number,
      }),
    ]);
  });
});
