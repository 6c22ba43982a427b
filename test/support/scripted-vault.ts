// A chain with a vault in memory for the tests of settlement: it keeps the contract's rules of postings, and every way in which
// a posting may go wrong has a lever (held back, forgotten, reverted, reorganised, refused, vetoed). Times are the real
// clock's. The contract itself is tested in contracts/test and, with it, in the .chain.test.ts beside these tests.
import { keccak256, toUtf8Bytes } from 'ethers';
import {
  type Chain,
  type ChainBlock,
  ChainFault,
  type ChainLog,
  type EpochPosting,
  type Hex,
  type SignedPosting,
  type TxState,
  type VaultState,
} from '../../contracts/client/chain.ts';
import { NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import { TREASURY_REF } from '../../marketplace/wallets/deposit-owner.ts';
import { addressOf } from './scripted-chain.ts';

const hashOf = (text: string): Hex => keccak256(toUtf8Bytes(text));

interface Tx extends SignedPosting {
  readonly posting: EpochPosting;
  readonly fee: number;
}

interface Block extends ChainBlock {
  readonly txs: readonly { readonly tx: Tx; readonly reverted: boolean }[];
  readonly logs: readonly ChainLog[];
  /** The vault after this block. */
  readonly vault: VaultState;
}

type Bare<Log> = Log extends ChainLog
  ? Omit<Log, 'logIndex' | 'blockNumber' | 'blockHash' | 'txHash'>
  : never;

export interface ScriptedVault {
  readonly chain: Chain;
  /** What was posted and stands now. */
  readonly posted: readonly EpochPosting[];
  readonly signed: readonly SignedPosting[];
  /** False: what is sent waits until mine(). */
  automine: boolean;
  /** Mines what waits; the highest fee of each nonce wins. */
  mine(): void;
  /** Two more blocks: everything before them is final. */
  finalize(): void;
  /** The node forgets what waits. */
  forget(): void;
  /** Throws away the newest blocks; their transactions wait again. */
  reorg(blocks: number): void;
  /** For the treasury. */
  deposit(wei: bigint): void;
  veto(epoch: bigint): void;
  claim(account: Hex, cumulativeWei: bigint): void;
  /** Changes the vault as no rule would: a root from elsewhere, a pause, a lower cap. */
  meddle(change: Partial<VaultState>): void;
  /** The next transaction is refused by the contract when it is mined, though the simulation let it pass. */
  revertNext: boolean;
  /** Thrown by the next call of this method of the poster, once. */
  readonly failNext: Map<'signEpoch' | 'send' | 'txState', ChainFault>;
  /** Another transaction of the poster's key takes the next nonce. */
  takeNonce(): void;
  delayMs: number;
}

export function scriptedVault({ growthCapWei = 10n ** 24n } = {}): ScriptedVault {
  const empty: VaultState = {
    coinsWei: 0n,
    claimedTotalWei: 0n,
    lastEpoch: 0n,
    activeRoot: NO_ROOT,
    activeTotalWei: 0n,
    pending: null,
    growthCapWei,
    paused: false,
  };
  const blocks: Block[] = [{ number: 0n, hash: hashOf('genesis'), txs: [], logs: [], vault: empty }];
  const waiting: Tx[] = [];
  const signed: Tx[] = [];
  const claimed = new Map<Hex, bigint>();
  let made = 0;
  let foreignNonces = 0;
  const newest = (): Block => blocks[blocks.length - 1];

  /** With a pending root whose time has come made active. */
  const settled = (vault: VaultState): VaultState =>
    vault.pending === null || vault.pending.activeAt.getTime() > Date.now()
      ? vault
      : { ...vault, activeRoot: vault.pending.root, activeTotalWei: vault.pending.totalWei, pending: null };

  const refusalOf = (vault: VaultState, posting: EpochPosting): string | null => {
    if (vault.paused) return 'VaultPaused';
    if (vault.pending !== null) return 'PendingEpoch(…)';
    if (posting.epoch !== vault.lastEpoch + 1n) return 'WrongEpoch(…)';
    if (posting.claimsTotalWei < vault.activeTotalWei) return 'TotalFell(…)';
    if (posting.claimsTotalWei - vault.activeTotalWei > vault.growthCapWei) return 'GrowthAboveCap(…)';
    if (posting.claimsTotalWei > vault.coinsWei + vault.claimedTotalWei) return 'NotCovered(…)';
    return null;
  };

  function addBlock(
    change: (vault: VaultState) => {
      readonly vault: VaultState;
      readonly txs?: Block['txs'];
      readonly logs?: readonly Bare<ChainLog>[];
    },
  ): void {
    made += 1;
    const number = BigInt(blocks.length);
    const hash = hashOf(`block ${made}`);
    const { vault, txs = [], logs = [] } = change(settled(newest().vault));
    const place = { blockNumber: number, blockHash: hash, txHash: hashOf(`tx of block ${made}`) };
    blocks.push({
      number,
      hash,
      txs,
      vault,
      logs: logs.map((log, logIndex) => ({ ...place, ...log, logIndex }) as ChainLog),
    });
  }

  const nonceNow = (): number => foreignNonces + blocks.reduce((sum, block) => sum + block.txs.length, 0);

  function mineOne(tx: Tx): void {
    addBlock((vault) => {
      const reverted = script.revertNext || refusalOf(vault, tx.posting) !== null;
      script.revertNext = false;
      if (reverted) return { vault, txs: [{ tx, reverted }] };
      const { epoch, claimsRoot: root, claimsTotalWei: totalWei } = tx.posting;
      const pending = { epoch, root, totalWei, activeAt: new Date(Date.now() + script.delayMs) };
      return {
        vault: { ...vault, lastEpoch: epoch, pending },
        txs: [{ tx, reverted }],
        logs: [{ kind: 'epoch', ...tx.posting }],
      };
    });
  }

  const fault = (method: 'signEpoch' | 'send' | 'txState'): void => {
    const found = script.failNext.get(method);
    script.failNext.delete(method);
    if (found !== undefined) throw found;
  };

  const stateOf = (txHash: Hex): TxState => {
    for (const block of blocks) {
      const found = block.txs.find(({ tx }) => tx.txHash === txHash);
      if (found === undefined) continue;
      const facts = { block: { number: block.number, hash: block.hash }, gasUsed: 90_000n };
      if (found.reverted) return { state: 'reverted', ...facts };
      return { state: block.number <= newest().number - 2n ? 'final' : 'mined', ...facts };
    }
    return { state: waiting.some((tx) => tx.txHash === txHash) ? 'waiting' : 'unknown' };
  };

  const chain: Chain = {
    chainId: 31_337n,
    addresses: {
      open: addressOf('open'),
      vault: addressOf('vault'),
      registry: addressOf('registry'),
      timelock: addressOf('timelock'),
    },
    isLocal: true,
    rpcUrlForWallets: 'http://127.0.0.1:8545',
    firstBlock: 0n,
    async heads() {
      const final = blocks[blocks.length - 3];
      return { latest: newest(), final: final ?? null };
    },
    blockAt: async (number) => blocks[Number(number)] ?? null,
    logs: async (from, to) =>
      blocks.filter(({ number }) => number >= from && number <= to).flatMap(({ logs }) => logs),
    vault: async () => settled(newest().vault),
    claimedWei: async (account) => claimed.get(account) ?? 0n,
    coinsOf: async () => 0n,
    receiptsRoot: async (epoch) =>
      script.posted.find((posting) => posting.epoch === epoch)?.receiptsRoot ?? null,
    faucet: null,
    close: async () => {},
    poster: {
      address: addressOf('poster'),
      gasWei: async () => 10n ** 18n,
      async signEpoch(posting, replaces) {
        fault('signEpoch');
        const state = replaces === undefined ? null : stateOf(replaces.txHash).state;
        if (state !== null && state !== 'unknown' && state !== 'waiting')
          throw new ChainFault('tx_mined', 'it is mined', 'never');
        const contractError = refusalOf(settled(newest().vault), posting);
        if (contractError !== null)
          throw new ChainFault('chain_reverted', 'the vault refuses', 'never', { contractError });
        const before = signed.find(({ txHash }) => txHash === replaces?.txHash);
        const next = Math.max(nonceNow(), ...waiting.map(({ nonce }) => nonce + 1));
        const txHash = hashOf(`signed ${signed.length}`);
        const tx = {
          posting,
          fee: (before?.fee ?? 0) + 1,
          nonce: before?.nonce ?? next,
          txHash,
          raw: txHash,
        };
        signed.push(tx);
        return { txHash, nonce: tx.nonce, raw: tx.raw };
      },
      async send({ txHash }) {
        fault('send');
        if (stateOf(txHash).state !== 'unknown') return;
        const tx = signed.find((one) => one.txHash === txHash);
        if (tx === undefined) throw new Error('a transaction that was never signed');
        if (tx.nonce < nonceNow()) throw new ChainFault('nonce_used', 'taken', 'never');
        const rival = waiting.findIndex(({ nonce }) => nonce === tx.nonce);
        if (rival >= 0 && waiting[rival].fee >= tx.fee)
          throw new ChainFault('fee_too_low', 'too low', 'never');
        if (rival >= 0) waiting.splice(rival, 1);
        waiting.push(tx);
        if (script.automine) script.mine();
      },
      async txState(txHash) {
        fault('txState');
        return stateOf(txHash);
      },
      recordDatanetVersion: async () => null,
      recordModelVersion: async () => null,
    },
  };
  const script: ScriptedVault = {
    chain,
    get posted() {
      return blocks.flatMap(({ txs }) => txs.filter(({ reverted }) => !reverted).map(({ tx }) => tx.posting));
    },
    signed,
    automine: true,
    mine() {
      for (const tx of waiting.splice(0).sort((a, b) => a.nonce - b.nonce)) mineOne(tx);
    },
    finalize() {
      for (let i = 0; i < 2; i++) addBlock((vault) => ({ vault }));
    },
    forget: () => void waiting.splice(0),
    reorg(count) {
      for (const block of blocks.splice(blocks.length - count, count))
        waiting.push(...block.txs.map(({ tx }) => tx));
    },
    deposit: (wei) =>
      addBlock((vault) => ({
        vault: { ...vault, coinsWei: vault.coinsWei + wei },
        logs: [{ kind: 'deposit', from: addressOf('treasury'), ref: TREASURY_REF, amountWei: wei }],
      })),
    veto: (epoch) =>
      addBlock((vault) => ({ vault: { ...vault, pending: null }, logs: [{ kind: 'veto', epoch }] })),
    claim(account, cumulativeWei) {
      const amountWei = cumulativeWei - (claimed.get(account) ?? 0n);
      claimed.set(account, cumulativeWei);
      addBlock((vault) => ({
        vault: {
          ...vault,
          coinsWei: vault.coinsWei - amountWei,
          claimedTotalWei: vault.claimedTotalWei + amountWei,
        },
        logs: [{ kind: 'claim', account, amountWei, cumulativeWei }],
      }));
    },
    meddle: (change) => addBlock((vault) => ({ vault: { ...vault, ...change } })),
    revertNext: false,
    failNext: new Map(),
    takeNonce() {
      foreignNonces += 1;
    },
    delayMs: 0,
  };
  return script;
}
