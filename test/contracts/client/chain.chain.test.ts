// The chain client against anvil with the contracts deployed: what it tells of deposits, epochs, claims and vetoes, up to which
// block, and what it does when the node limits ranges, lags, fails or changes its mind about the past.
import { id, ZeroHash } from 'ethers';
import { describe, expect, it } from 'vitest';
import type { ChainLog, EpochPosting } from '../../../contracts/client/chain.ts';
import { connectChain } from '../../../contracts/client/connect-chain.ts';
import { readFinality } from '../../../contracts/client/finality.ts';
import { jsonRpc } from '../../../contracts/client/json-rpc.ts';
import { merkleTree } from '../../../contracts/merkle/merkle-tree.ts';
import { testChain } from '../../support/test-chain.ts';

const OPEN = 10n ** 18n;
const test = testChain({ postingDelaySeconds: 60n });
const allLogs = async (): Promise<readonly ChainLog[]> => {
  const { latest } = await test.chain.heads();
  return test.chain.logs(test.chain.firstBlock, latest.number);
};

/** Posts the next epoch with these cumulative claims. */
async function post(claims: readonly (readonly [string, bigint])[]): Promise<EpochPosting> {
  const { poster } = test.chain;
  if (poster === null) throw new Error('the test chain has a poster');
  const { lastEpoch } = await test.chain.vault();
  const posting = {
    epoch: lastEpoch + 1n,
    receiptsRoot: id(`receipts of ${lastEpoch + 1n}`),
    claimsRoot: merkleTree(['address', 'uint256'], claims).root,
    claimsTotalWei: claims.reduce((sum, [, wei]) => sum + wei, 0n),
    leafFileHash: id('a leaf file'),
  };
  await poster.send(await poster.signEpoch(posting));
  await expect.poll(async () => (await test.chain.vault()).lastEpoch).toBe(posting.epoch);
  return posting;
}

describe('the chain client', () => {
  it('reads an empty vault', async () => {
    expect(await test.chain.vault()).toEqual({
      coinsWei: 0n,
      claimedTotalWei: 0n,
      lastEpoch: 0n,
      activeRoot: ZeroHash,
      activeTotalWei: 0n,
      pending: null,
      growthCapWei: 1_000_000n * OPEN,
      paused: false,
    });
    expect(await test.chain.receiptsRoot(1n)).toBeNull();
    expect(await test.chain.claimedWei(test.operator.address)).toBe(0n);
  });

  it('tells deposit, epoch, veto and claim with their places, in the order of the chain', async () => {
    const { address, ...person } = await test.person(10n * OPEN);
    const deposited = await person.deposit(3n * OPEN, id('somebody'));
    const claims = [
      [address, OPEN],
      [test.operator.address, OPEN / 2n],
    ] as const;
    const first = await post(claims);
    expect((await test.chain.vault()).pending).toMatchObject({
      epoch: 1n,
      root: first.claimsRoot,
      totalWei: (3n * OPEN) / 2n,
    });
    await test.operator.call('vault', 'vetoEpoch', [1n]);
    const second = await post(claims);
    const during = await test.chain.vault();
    expect(during).toMatchObject({
      lastEpoch: 2n,
      activeRoot: ZeroHash,
      activeTotalWei: 0n,
      coinsWei: 3n * OPEN,
    });
    expect(during.pending?.activeAt.getTime()).toBeGreaterThan(Date.now());
    await test.passSeconds(61);
    expect(await test.chain.vault()).toMatchObject({
      activeRoot: second.claimsRoot,
      activeTotalWei: (3n * OPEN) / 2n,
      pending: null,
    });
    const tree = merkleTree(['address', 'uint256'], claims);
    const claimed = await test.operator.call('vault', 'claim', [address, OPEN, tree.root, tree.proof(0)]);

    const logs = await allLogs();
    expect(logs.map(({ kind }) => kind)).toEqual(['deposit', 'epoch', 'veto', 'epoch', 'claim']);
    expect(logs[0]).toMatchObject({
      from: address,
      ref: id('somebody'),
      amountWei: 3n * OPEN,
      txHash: deposited,
    });
    expect(logs[1]).toMatchObject(first);
    expect(logs[2]).toMatchObject({ epoch: 1n });
    expect(logs[3]).toMatchObject(second);
    expect(logs[4]).toMatchObject({
      account: address,
      amountWei: OPEN,
      cumulativeWei: OPEN,
      txHash: claimed,
    });
    for (const { blockNumber, blockHash } of logs)
      expect(await test.chain.blockAt(blockNumber)).toEqual({ number: blockNumber, hash: blockHash });
    expect(await test.chain.vault()).toMatchObject({
      coinsWei: 2n * OPEN,
      claimedTotalWei: OPEN,
      lastEpoch: 2n,
    });
    expect(await test.chain.claimedWei(address)).toBe(OPEN);
    expect(await test.chain.coinsOf(address)).toBe(8n * OPEN);
    expect([await test.chain.receiptsRoot(1n), await test.chain.receiptsRoot(2n)]).toEqual([
      first.receiptsRoot,
      second.receiptsRoot,
    ]);
  });

  it('reads the same logs in slices when the node takes at most 3 blocks or 1 log at once', async () => {
    await test.mine(20);
    const whole = await allLogs();
    expect(whole.length).toBeGreaterThan(4);
    let refused = 0;
    test.proxy.intercept = (method, params) => {
      if (method !== 'eth_getLogs') return undefined;
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }];
      const [from, to] = [BigInt(fromBlock), BigInt(toBlock)];
      const inside = whole.filter(({ blockNumber }) => blockNumber >= from && blockNumber <= to).length;
      if (to - from < 3n && inside <= 1) return undefined;
      refused++;
      return { error: { code: -32005, message: 'query exceeds max block range' } };
    };
    expect(await allLogs()).toEqual(whole);
    expect(refused).toBeGreaterThan(0);
    test.proxy.intercept = undefined;
    expect(await allLogs()).toEqual(whole);
  });

  it('throws, and tells no logs, when even one block is refused', async () => {
    test.proxy.intercept = (method) =>
      method === 'eth_getLogs' ? { error: { code: -32601, message: 'method not allowed' } } : undefined;
    await expect(allLogs()).rejects.toMatchObject({ code: 'chain_refused', retry: 'never' });
    test.proxy.intercept = undefined;
  });

  it('does not take a node that lags behind for a chain without logs', async () => {
    const { latest } = await test.chain.heads();
    await expect(test.chain.logs(0n, latest.number + 1n)).rejects.toMatchObject({
      code: 'chain_unreachable',
      retry: 'after',
    });
  });

  it('leaves out logs that the node marks as removed', async () => {
    const { address, ...person } = await test.person(OPEN);
    await person.deposit(OPEN, id('removed'));
    const { latest } = await test.chain.heads();
    const range = [{ address: test.chain.addresses.vault, fromBlock: 'latest', toBlock: 'latest' }];
    const found = (await test.rpc.call('eth_getLogs', range)) as object[];
    expect(found).toHaveLength(1);
    test.proxy.intercept = (method) =>
      method === 'eth_getLogs' ? { result: found.map((log) => ({ ...log, removed: true })) } : undefined;
    expect(await test.chain.logs(latest.number, latest.number)).toEqual([]);
    test.proxy.intercept = undefined;
    expect(await test.chain.logs(latest.number, latest.number)).toHaveLength(1);
  });

  it('survives failing requests, and says "later" while the RPC is gone', async () => {
    const before = await allLogs();
    test.proxy.failNext('broken', 2);
    expect(await allLogs()).toEqual(before);
    test.stopRpc();
    await expect(test.chain.heads()).rejects.toMatchObject({ code: 'chain_unreachable', retry: 'after' });
    await expect(test.chain.vault()).rejects.toMatchObject({ code: 'chain_unreachable', retry: 'after' });
    test.startRpc();
    expect(await allLogs()).toEqual(before);
  });

  it('gives practice coins and gas money to whoever has none', async () => {
    const stranger = '0x00000000000000000000000000000000000000aa';
    await Promise.all([test.chain.faucet?.(stranger, OPEN), test.chain.faucet?.(stranger, 2n * OPEN)]);
    expect(await test.chain.coinsOf(stranger)).toBe(3n * OPEN);
    expect(await test.rpc.call('eth_getBalance', [stranger, 'latest'])).toBe('0xde0b6b3a7640000');
  });
});

describe('finality', () => {
  it('is two blocks back on this chain, and moves with the blocks', async () => {
    const { latest, final } = await test.chain.heads();
    expect(final?.number).toBe(latest.number - 2n);
    await test.mine(3);
    expect((await test.chain.heads()).final?.number).toBe(latest.number + 1n);
  });

  it('takes a deposit back with a reorg of 2 blocks, and shows other blocks in its place', async () => {
    const person = await test.person(OPEN);
    await test.finalize();
    const before = await allLogs();
    const txHash = await person.deposit(OPEN, id('phantom'));
    const [phantom] = (await allLogs()).slice(-1);
    expect(phantom.txHash).toBe(txHash);
    const { final } = await test.chain.heads();
    expect(final?.number).toBeLessThan(phantom.blockNumber);
    await test.reorg(2);
    expect(await allLogs()).toEqual(before);
    expect((await test.chain.blockAt(phantom.blockNumber))?.hash).not.toBe(phantom.blockHash);
    expect((await test.chain.blockAt(final?.number ?? 0n))?.hash).toBe(final?.hash);
  });

  /** The same chain read by another policy. */
  const withPolicy = (setting: string, kept?: () => { number: bigint; hash: string } | null) =>
    connectChain({
      rpc: jsonRpc(test.proxy.url, { tries: 1 }),
      chainId: test.chain.chainId,
      addresses: test.chain.addresses,
      firstBlock: 0n,
      rpcUrlForWallets: '',
      finality: readFinality(setting),
      maxFeePerGas: 1n,
      posterSigner: null,
      ...(kept && { local: { kept, faucetSigner: test.operatorSigner, setGasMoney: async () => undefined } }),
    });

  it('is 5 blocks back by a setting of 5, and nothing while there are fewer', async () => {
    const { latest, final } = await withPolicy('5').heads();
    expect(final).toEqual(await test.chain.blockAt(latest.number - 5n));
    expect((await withPolicy('100000').heads()).final).toBeNull();
  });

  it.each(['', '0', '-1', '1.5', 'latest', '12345678'])('refuses the setting "%s"', (setting) => {
    expect(() => readFinality(setting)).toThrow(/^CHAIN_FINALITY: /);
  });

  it('names the setting when the node does not know the tag', async () => {
    test.proxy.intercept = (_method, params) =>
      params[0] === 'finalized' ? { error: { code: -32602, message: 'invalid block tag' } } : undefined;
    await expect(test.chain.heads()).rejects.toThrow(
      /CHAIN_FINALITY: .* does not know the block tag "finalized"/,
    );
    test.proxy.intercept = undefined;
  });

  it('is nothing while the disk of the local chain holds nothing, and never above what it holds', async () => {
    const { latest, final } = await test.chain.heads();
    expect((await withPolicy('finalized', () => null).heads()).final).toBeNull();
    const old = await test.chain.blockAt(latest.number - 5n);
    expect((await withPolicy('finalized', () => old).heads()).final).toEqual(old);
    expect((await withPolicy('finalized', () => latest).heads()).final).toEqual(final);
    const other = old && { ...old, hash: id('another branch') };
    expect((await withPolicy('finalized', () => other).heads()).final).toBeNull();
  });
});
