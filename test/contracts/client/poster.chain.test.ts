// The poster against anvil: what is signed is what is sent, once; refusals are known before; stuck ones are replaced.
import { id, Transaction, ZeroHash } from 'ethers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChainPoster, EpochPosting, SignedPosting } from '../../../contracts/client/chain.ts';
import { connectChain } from '../../../contracts/client/connect-chain.ts';
import { contractFaces } from '../../../contracts/client/contract-faces.ts';
import { privateKeySigner } from '../../../contracts/client/digest-signer.ts';
import { jsonRpc } from '../../../contracts/client/json-rpc.ts';
import { chainPoster } from '../../../contracts/client/poster.ts';
import { quantity } from '../../../contracts/client/rpc-values.ts';
import { transactor } from '../../../contracts/client/transactor.ts';
import { atNewestBlock, viewOf } from '../../../contracts/client/view-call.ts';
import { testChain } from '../../support/test-chain.ts';

const GWEI = 10n ** 9n;
const test = testChain();
let poster: ChainPoster;
beforeEach(() => {
  if (test.chain.poster === null) throw new Error('the test chain has a poster');
  poster = test.chain.poster;
});

/** An epoch that the vault takes now. */
async function nextPosting(): Promise<EpochPosting> {
  await test.passSeconds(2); // the one before has become active
  const epoch = (await test.chain.vault()).lastEpoch + 1n;
  return {
    epoch,
    receiptsRoot: id(`receipts ${epoch}`),
    claimsRoot: ZeroHash,
    claimsTotalWei: 0n,
    leafFileHash: id('leaves'),
  };
}

/** The same contracts with another fee cap or another poster. */
const posterWith = (options: { maxFeePerGas?: bigint; key?: string }): ChainPoster => {
  const chain = connectChain({
    rpc: jsonRpc(test.proxy.url, { tries: 2, pauseMs: 5 }),
    chainId: test.chain.chainId,
    addresses: test.chain.addresses,
    firstBlock: 0n,
    rpcUrlForWallets: '',
    finality: 'finalized',
    maxFeePerGas: options.maxFeePerGas ?? 1_000n * GWEI,
    posterSigner: options.key === undefined ? test.posterSigner : privateKeySigner(options.key),
  });
  if (chain.poster === null) throw new Error('there is a poster');
  return chain.poster;
};

/** A block comes a moment after the transaction was taken. */
const minedAs = (signed: SignedPosting, state: 'mined' | 'reverted') =>
  expect.poll(async () => (await poster.txState(signed.txHash)).state).toBe(state);

const fees = ({ raw }: SignedPosting) => {
  const { maxFeePerGas, maxPriorityFeePerGas } = Transaction.from(raw);
  return { max: maxFeePerGas ?? 0n, tip: maxPriorityFeePerGas ?? 0n };
};

describe('a posting', () => {
  it('counts when its delay has passed by the clock, though no block came since', async () => {
    const first = {
      epoch: 1n,
      receiptsRoot: id('1'),
      claimsRoot: id('root'),
      claimsTotalWei: 0n,
      leafFileHash: id('1'),
    };
    const signed = await poster.signEpoch(first);
    await poster.send(signed);
    await minedAs(signed, 'mined');
    const { latest } = await test.chain.heads();
    await expect.poll(async () => (await test.chain.vault()).pending, { timeout: 10_000 }).toBeNull();
    expect((await test.chain.vault()).activeRoot).toBe(id('root'));
    expect((await test.chain.heads()).latest).toEqual(latest);
    await expect(poster.signEpoch({ ...first, epoch: 2n })).resolves.toBeDefined();
  });

  it('goes unknown → waiting → mined → final, at most 90,000 gas from the second on', async () => {
    const first = await poster.signEpoch(await nextPosting());
    await poster.send(first);
    await minedAs(first, 'mined');
    const posting = await nextPosting();
    const signed = await poster.signEpoch(posting);
    expect(await poster.txState(signed.txHash)).toEqual({ state: 'unknown' });
    await test.holdTransactions(true);
    await poster.send(signed);
    expect(await poster.txState(signed.txHash)).toEqual({ state: 'waiting' });
    await test.mine();
    await test.holdTransactions(false);
    const { latest } = await test.chain.heads();
    const mined = await poster.txState(signed.txHash);
    expect(mined).toMatchObject({ state: 'mined', block: latest });
    if ('gasUsed' in mined) expect(mined.gasUsed).toBeLessThanOrEqual(90_000n);
    await test.finalize();
    expect(await poster.txState(signed.txHash)).toMatchObject({ state: 'final', block: latest });
    expect(await test.chain.receiptsRoot(posting.epoch)).toBe(posting.receiptsRoot);
  });

  it('may be sent again while it waits and after it was mined', async () => {
    const signed = await poster.signEpoch(await nextPosting());
    await test.holdTransactions(true);
    await poster.send(signed);
    await poster.send(signed);
    await test.holdTransactions(false);
    await test.mine();
    await poster.send(signed);
    await test.finalize();
    await poster.send(signed);
    expect(await poster.txState(signed.txHash)).toMatchObject({ state: 'final' });
    const { latest } = await test.chain.heads();
    const postings = (await test.chain.logs(0n, latest.number)).filter(
      ({ txHash }) => txHash === signed.txHash,
    );
    expect(postings).toHaveLength(1);
  });

  it("is refused before it is signed, with the vault's own error", async () => {
    const posting = await nextPosting();
    const wrong = { ...posting, epoch: posting.epoch + 5n };
    await expect(poster.signEpoch(wrong)).rejects.toMatchObject({
      code: 'chain_reverted',
      retry: 'never',
      contractError: `WrongEpoch(${posting.epoch + 5n}, ${posting.epoch})`,
    });
    const uncovered = { ...posting, claimsRoot: id('root'), claimsTotalWei: GWEI };
    await expect(poster.signEpoch(uncovered)).rejects.toMatchObject({
      contractError: 'NotCovered(1000000000, 0)',
    });
    const stranger = posterWith({ key: id('a stranger') });
    await expect(stranger.signEpoch(posting)).rejects.toMatchObject({
      contractError: expect.stringMatching(/^AccessControlUnauthorizedAccount\(0x/),
    });
  });

  it('that waits is replaced under its nonce with both fees an eighth higher, and only one is mined', async () => {
    const posting = await nextPosting();
    const stuck = await poster.signEpoch(posting);
    await test.holdTransactions(true);
    await poster.send(stuck);
    const replacement = await poster.signEpoch(posting, stuck);
    expect(replacement.nonce).toBe(stuck.nonce);
    expect(replacement.txHash).not.toBe(stuck.txHash);
    for (const fee of ['max', 'tip'] as const)
      expect(fees(replacement)[fee] * 10n).toBeGreaterThanOrEqual(fees(stuck)[fee] * 11n);
    await poster.send(replacement);
    await test.mine();
    await test.holdTransactions(false);
    expect(await poster.txState(replacement.txHash)).toMatchObject({ state: 'mined' });
    expect(await poster.txState(stuck.txHash)).toEqual({ state: 'unknown' });
    await expect(poster.send(stuck)).rejects.toMatchObject({ code: 'nonce_used', retry: 'never' });
    await expect(poster.signEpoch(posting, replacement)).rejects.toMatchObject({
      code: 'tx_mined',
      retry: 'never',
    });
  });

  it('that waits behind another stuck transaction takes its place when it is replaced', async () => {
    const posting = await nextPosting();
    await test.holdTransactions(true);
    const stuck = await poster.recordDatanetVersion({ datanet: 'stuck', number: 1, root: id('stuck') });
    const behind = await poster.signEpoch(posting);
    await poster.send(behind);
    const replacement = await poster.signEpoch(posting, behind);
    expect(replacement.nonce).toBe(behind.nonce - 1);
    await poster.send(replacement);
    await test.mine();
    await test.holdTransactions(false);
    await minedAs(replacement, 'mined');
    await minedAs(behind, 'reverted');
    expect(await poster.txState(stuck ?? '')).toEqual({ state: 'unknown' });
    expect((await test.chain.vault()).lastEpoch).toBe(posting.epoch);
  });

  it('with a lower fee than the one that waits is refused by name', async () => {
    const posting = await nextPosting();
    const stuck = await poster.signEpoch(posting);
    const better = await poster.signEpoch(posting, stuck);
    await test.holdTransactions(true);
    await poster.send(better);
    await expect(poster.send(stuck)).rejects.toMatchObject({ code: 'fee_too_low', retry: 'never' });
    await test.holdTransactions(false);
    await test.mine();
  });

  it('never offers more than the cap, and waits when the chain asks for more', async () => {
    const posting = await nextPosting();
    const baseFee = 10n * GWEI;
    await test.rpc.call('anvil_setNextBlockBaseFeePerGas', [quantity(baseFee)]);
    await test.mine();
    const tip = BigInt(String(await test.rpc.call('eth_maxPriorityFeePerGas')));
    const capped = posterWith({ maxFeePerGas: baseFee + tip + 1n });
    const signed = await capped.signEpoch(posting);
    expect(fees(signed)).toEqual({ max: baseFee + tip + 1n, tip });
    await expect(capped.signEpoch(posting, signed)).rejects.toMatchObject({
      code: 'fee_cap',
      retry: 'after',
    });
    const poor = posterWith({ maxFeePerGas: baseFee + tip - 1n });
    await expect(poor.signEpoch(posting)).rejects.toThrow(/above the .* of CHAIN_MAX_FEE_GWEI/);
    const free = posterWith({ maxFeePerGas: 1_000n * GWEI });
    expect(fees(await free.signEpoch(posting))).toEqual({ max: 2n * baseFee + tip, tip });
  });

  it('that lost its nonce to another transaction says so, and a new one takes the next', async () => {
    const posting = await nextPosting();
    const signed = await poster.signEpoch(posting);
    const record = await poster.recordDatanetVersion({ datanet: 'race', number: 1, root: id('race') });
    await expect.poll(async () => (await poster.txState(record ?? '')).state).toBe('mined');
    await expect(poster.send(signed)).rejects.toMatchObject({ code: 'nonce_used', retry: 'never' });
    const again = await poster.signEpoch(posting);
    expect(again.nonce).toBe(signed.nonce + 1);
    await poster.send(again);
    await minedAs(again, 'mined');
  });

  it('signed twice at once takes one nonce, so that one of the two is mined', async () => {
    const posting = await nextPosting();
    const [one, two] = await Promise.all([poster.signEpoch(posting), poster.signEpoch(posting)]);
    expect(one.nonce).toBe(two.nonce);
    await poster.send(one);
    await minedAs(one, 'mined');
    if (two.txHash !== one.txHash)
      await expect(poster.send(two)).rejects.toMatchObject({ code: 'nonce_used' });
    await expect.poll(async () => (await test.chain.vault()).lastEpoch).toBe(posting.epoch);
  });

  it('that fails on chain after all is told as reverted', async () => {
    const signed = await poster.signEpoch(await nextPosting());
    await test.operator.call('vault', 'pause', []);
    await poster.send(signed);
    await minedAs(signed, 'reverted');
    expect((await test.chain.vault()).paused).toBe(true);
    const data = contractFaces().vault.abi.encodeFunctionData('unpause');
    const when = [test.chain.addresses.vault, 0n, data, ZeroHash, ZeroHash] as const;
    await test.operator.call('timelock', 'schedule', [...when, 1n]);
    await test.passSeconds(2);
    await test.operator.call('timelock', 'execute', [...when]);
    expect((await test.chain.vault()).paused).toBe(false);
  });

  it('of a poster without gas money says so', async () => {
    const posting = await nextPosting();
    const signed = await poster.signEpoch(posting);
    const before = await poster.gasWei();
    await test.rpc.call('anvil_setBalance', [poster.address, '0x1']);
    expect(await poster.gasWei()).toBe(1n);
    await expect(poster.send(signed)).rejects.toMatchObject({ code: 'no_gas_money', retry: 'after' });
    await test.rpc.call('anvil_setBalance', [poster.address, quantity(before)]);
    await poster.send(signed);
  });

  it('is not lost when the answer to sending is: the same is sent again', async () => {
    const signed = await poster.signEpoch(await nextPosting());
    let lost = 1;
    test.proxy.intercept = (method) => {
      if (method !== 'eth_sendRawTransaction' || lost-- <= 0) return undefined;
      void test.rpc.call('eth_sendRawTransaction', [signed.raw]);
      return { error: { code: -32000, message: 'request timed out' } };
    };
    await poster.send(signed);
    test.proxy.intercept = undefined;
    await minedAs(signed, 'mined');
  });

  it('is found by the third look when the node that knows it answers late', async () => {
    const signed = await poster.signEpoch(await nextPosting());
    await poster.send(signed);
    await minedAs(signed, 'mined');
    let blind = 4; // two looks of two questions
    test.proxy.intercept = (method) =>
      /^eth_getTransaction(Receipt|ByHash)$/.test(method) && blind-- > 0 ? { result: null } : undefined;
    await poster.send(signed);
    test.proxy.intercept = undefined;
  });
});

describe('a version', () => {
  const version = { datanet: 'birds', number: 3, root: id('birds 3') };
  const read = async (name: string, thing: string, number: number) => {
    const view = viewOf(test.rpc, contractFaces().registry.abi, test.chain.addresses.registry);
    return (await view.read(name, [id(thing), number]))[0];
  };

  it('is recorded once by id, number and hash; a repetition changes nothing', async () => {
    expect(await poster.recordDatanetVersion(version)).toMatch(/^0x[0-9a-f]{64}$/);
    await expect.poll(() => poster.recordDatanetVersion(version)).toBeNull();
    expect((await read('datanetVersion', 'birds', 3)).hash).toBe(id('birds 3'));
    const model = { model: 'birds-model', number: 1, hash: id('weights'), datanetRoot: id('birds 3') };
    expect(await poster.recordModelVersion(model)).toMatch(/^0x/);
    await expect.poll(() => poster.recordModelVersion(model)).toBeNull();
    const recorded = await read('modelVersion', 'birds-model', 1);
    expect([recorded.hash, recorded.datanetRoot]).toEqual([id('weights'), id('birds 3')]);
  });

  it('is sent once while it waits, however often it is asked for', async () => {
    await test.holdTransactions(true);
    const waiting = { ...version, number: 4 };
    const hashes = await Promise.all([1, 2, 3].map(() => poster.recordDatanetVersion(waiting)));
    await test.mine();
    await test.holdTransactions(false);
    expect(new Set(hashes).size).toBe(1);
    expect(await poster.recordDatanetVersion(waiting)).toBeNull();
  });

  it('that waits too long is replaced under its nonce when it is asked for again', async () => {
    const { addresses } = test.chain;
    const { rpc, posterSigner: signer } = test;
    const sender = transactor({
      rpc,
      chainId: test.chain.chainId,
      signer,
      maxFeePerGas: 1_000n * GWEI,
      moment: atNewestBlock,
      finalBlock: async () => null,
    });
    const registryView = viewOf(rpc, contractFaces().registry.abi, addresses.registry);
    const impatient = chainPoster({ transactor: sender, ...addresses, registryView, replaceAfterMs: 0 });
    await test.holdTransactions(true);
    const slow = { ...version, number: 6 };
    const first = await impatient.recordDatanetVersion(slow);
    const second = await impatient.recordDatanetVersion(slow);
    expect(second).not.toBe(first);
    await test.mine();
    await test.holdTransactions(false);
    expect((await impatient.txState(second ?? '')).state).toBe('mined');
    expect(await impatient.txState(first ?? '')).toEqual({ state: 'unknown' });
    expect(await impatient.recordDatanetVersion(slow)).toBeNull();
  });

  it('with another hash than the recorded one is refused: nothing is overwritten', async () => {
    await poster.recordDatanetVersion({ ...version, number: 5 });
    await expect.poll(() => poster.recordDatanetVersion({ ...version, number: 5 })).toBeNull();
    await expect(
      poster.recordDatanetVersion({ ...version, number: 5, root: id('other') }),
    ).rejects.toMatchObject({
      code: 'chain_reverted',
      contractError: 'AlreadyRecorded',
    });
  });
});
