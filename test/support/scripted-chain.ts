// A chain of blocks in memory for tests of the watcher: blocks are mined and reorganised by the test, and every way in which
// a node misbehaves has a lever (faults, cut ranges, logs left out, heads that fall back). It knows no contract; vault
// figures are what the test says.
import { createHash } from 'node:crypto';
import {
  type Chain,
  type ChainBlock,
  ChainFault,
  type ChainLog,
  type Hex,
  type VaultState,
} from '../../contracts/client/chain.ts';

type Bare<Log> = Log extends ChainLog ? Omit<Log, 'logIndex' | 'blockNumber' | 'blockHash'> : never;
export type BareLog = Bare<ChainLog>;

interface ScriptedBlock extends ChainBlock {
  readonly logs: readonly ChainLog[];
}

export interface ScriptedChain {
  readonly chain: Chain;
  /** Adds a block with these logs; `firstIndex` shifts their log indexes. */
  mine(logs?: readonly BareLog[], firstIndex?: number): ChainBlock;
  mineEmpty(blocks: number): void;
  /** Throws away the newest blocks; what is mined next has other hashes. */
  dropBlocks(count: number): void;
  /** Blocks between the head and the newest final one. */
  finality: number;
  /** Most blocks that logs() takes; more is refused. */
  rangeMax: bigint;
  /** The next calls of any method fail so often. */
  failures: number;
  /** Calls of logs() so far, as [from, to]. */
  readonly asked: (readonly [bigint, bigint])[];
  /** Changes what logs() tells; for a node that leaves out or repeats. */
  bend: (logs: readonly ChainLog[]) => readonly ChainLog[];
  /** Runs before a method answers, once each; for a reorganisation in the middle of a round. */
  before: ((method: string) => void) | null;
  vaultNow: VaultState;
  claimed: Map<Hex, bigint>;
  faucetSent: { readonly to: Hex; readonly amountWei: bigint }[];
}

export const hashOf = (text: string): Hex => `0x${createHash('sha256').update(text).digest('hex')}`;
export const addressOf = (name: string): Hex => hashOf(name).slice(0, 42);

const EMPTY_VAULT: VaultState = {
  coinsWei: 0n,
  claimedTotalWei: 0n,
  lastEpoch: 0n,
  activeRoot: `0x${'00'.repeat(32)}`,
  activeTotalWei: 0n,
  pending: null,
  growthCapWei: 0n,
  paused: false,
};

export function scriptedChain({ chainId = 31_337n, isLocal = true } = {}): ScriptedChain {
  let mined = 0;
  const blocks: ScriptedBlock[] = [];
  const newest = (): ScriptedBlock => blocks[blocks.length - 1];
  const step = (method: string): void => {
    script.before?.(method);
    if (script.failures <= 0) return;
    script.failures -= 1;
    throw new ChainFault('chain_unreachable', 'the scripted node does not answer', 'after');
  };
  const bare = ({ number, hash }: ScriptedBlock): ChainBlock => ({ number, hash });
  const chain: Chain = {
    chainId,
    addresses: {
      open: addressOf('open'),
      vault: addressOf('vault'),
      registry: addressOf('registry'),
      timelock: addressOf('timelock'),
    },
    isLocal,
    rpcUrlForWallets: 'http://127.0.0.1:8545',
    firstBlock: 1n,
    async heads() {
      step('heads');
      const final = blocks[blocks.length - 1 - script.finality];
      return { latest: bare(newest()), final: final === undefined ? null : bare(final) };
    },
    async blockAt(number) {
      step('blockAt');
      const block = blocks[Number(number)];
      return block === undefined ? null : bare(block);
    },
    async logs(from, to) {
      step('logs');
      script.asked.push([from, to]);
      if (to - from + 1n > script.rangeMax)
        throw new ChainFault('chain_refused', 'the scripted node takes a smaller range', 'safe');
      return script.bend(
        blocks.filter(({ number }) => number >= from && number <= to).flatMap(({ logs }) => logs),
      );
    },
    async vault() {
      step('vault');
      return script.vaultNow;
    },
    claimedWei: async (account) => script.claimed.get(account) ?? 0n,
    coinsOf: async () => 0n,
    receiptsRoot: async () => null,
    poster: null,
    async faucet(to, amountWei) {
      step('faucet');
      script.faucetSent.push({ to, amountWei });
      return hashOf(`faucet ${script.faucetSent.length}`);
    },
    close: async () => {},
  };
  const script: ScriptedChain = {
    chain,
    mine(logs = [], firstIndex = 0) {
      mined += 1;
      const number = BigInt(blocks.length);
      const hash = hashOf(`${chainId}:${number}:${mined}`);
      const placed = logs.map(
        (log, at) =>
          ({ ...log, logIndex: firstIndex + at, blockNumber: number, blockHash: hash }) as ChainLog,
      );
      blocks.push({ number, hash, logs: placed });
      return { number, hash };
    },
    mineEmpty(count) {
      for (let i = 0; i < count; i++) script.mine();
    },
    dropBlocks(count) {
      blocks.splice(blocks.length - count, count);
    },
    finality: 3,
    rangeMax: 1_000_000n,
    failures: 0,
    asked: [],
    bend: (logs) => logs,
    before: null,
    vaultNow: EMPTY_VAULT,
    claimed: new Map(),
    faucetSent: [],
  };
  script.mine();
  return script;
}
