// Makes a Chain out of an RPC address and the addresses of the contracts. Used by start-chain.ts and the tests' chain. It checks
// nothing about the deployment (verify-deployment.ts does) and knows no settings and no files.
// Invariant: every answer is asked of the node anew; nothing is remembered but how wide slices of logs may be.
import {
  type Chain,
  type ChainAddresses,
  type ChainBlock,
  ChainFault,
  type DigestSigner,
  type Hex,
} from './chain.ts';
import { logReader } from './chain-logs.ts';
import { contractFaces } from './contract-faces.ts';
import { type Finality, finalBlock } from './finality.ts';
import type { Rpc } from './json-rpc.ts';
import { chainPoster } from './poster.ts';
import { readBlock, readQuantity } from './rpc-values.ts';
import { type Transactor, transactor } from './transactor.ts';
import { untilMined } from './until-mined.ts';
import { atNewestBlock, atThisMoment, type CallMoment, viewOf } from './view-call.ts';

export interface ConnectOptions {
  readonly rpc: Rpc;
  readonly chainId: bigint;
  readonly addresses: ChainAddresses;
  readonly firstBlock: bigint;
  readonly rpcUrlForWallets: string;
  readonly finality: Finality;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  readonly posterSigner: DigestSigner | null;
  /** For the local chain: what its disk holds (see finality.ts), and the faucet. */
  readonly local?: {
    readonly kept?: () => ChainBlock | null;
    /** Its coins are given away. */
    readonly faucetSigner: DigestSigner;
    setGasMoney(address: Hex, wei: bigint): Promise<void>;
  };
}

/** What the faucet gives for gas. */
const FAUCET_GAS_WEI = 10n ** 18n;
const FAUCET_WAIT = { pollMs: 20, waitMs: 10_000 } as const;

export function connectChain(options: ConnectOptions): Chain {
  const { rpc, chainId, addresses, firstBlock, finality, posterSigner, local } = options;
  const faces = contractFaces();
  const moment: CallMoment = local === undefined ? atNewestBlock : atThisMoment(rpc);
  const openView = viewOf(rpc, faces.open.abi, addresses.open, moment);
  const vaultView = viewOf(rpc, faces.vault.abi, addresses.vault, moment);
  const registryView = viewOf(rpc, faces.registry.abi, addresses.registry, moment);

  async function heads(): Promise<{ latest: ChainBlock; final: ChainBlock | null }> {
    const newest = await readBlock(rpc, 'latest');
    if (newest === null)
      throw new ChainFault('chain_unreachable', `${rpc.host} has no newest block`, 'after');
    const latest = { number: newest.number, hash: newest.hash };
    return { latest, final: await finalBlock(rpc, latest, finality, local?.kept?.()) };
  }

  const transactorOf = (signer: DigestSigner): Transactor =>
    transactor({
      rpc,
      chainId,
      signer,
      maxFeePerGas: options.maxFeePerGas,
      moment,
      finalBlock: async () => (await heads()).final,
    });

  const one = async (view: typeof openView, name: string, args: readonly unknown[] = []): Promise<bigint> =>
    BigInt((await view.read(name, args))[0]);

  return {
    chainId,
    addresses,
    firstBlock,
    isLocal: local !== undefined,
    rpcUrlForWallets: options.rpcUrlForWallets,
    heads,
    async blockAt(number) {
      const block = await readBlock(rpc, number);
      return block && { number: block.number, hash: block.hash };
    },
    logs: logReader(rpc, addresses.vault),
    async vault() {
      const [
        coinsWei,
        claimedTotalWei,
        lastEpoch,
        activeRoot,
        activeTotalWei,
        pending,
        growthCapWei,
        paused,
      ] = await Promise.all([
        one(vaultView, 'coinsHeld'),
        one(vaultView, 'claimedTotal'),
        one(vaultView, 'lastEpoch'),
        vaultView.read('activeRoot'),
        one(vaultView, 'activeTotal'),
        vaultView.read('pending'),
        one(vaultView, 'growthCap'),
        vaultView.read('paused'),
      ]);
      const epoch = BigInt(pending.epoch);
      return {
        coinsWei,
        claimedTotalWei,
        lastEpoch,
        activeRoot: String(activeRoot[0]).toLowerCase(),
        activeTotalWei,
        pending:
          epoch === 0n
            ? null
            : {
                epoch,
                root: String(pending.root).toLowerCase(),
                totalWei: BigInt(pending.total),
                activeAt: new Date(Number(pending.activeAt) * 1000),
              },
        growthCapWei,
        paused: paused[0] === true,
      };
    },
    claimedWei: (account) => one(vaultView, 'claimed', [account]),
    coinsOf: (account) => one(openView, 'balanceOf', [account]),
    async receiptsRoot(epoch) {
      const [entry] = await registryView.read('epoch', [epoch]);
      return BigInt(entry.time) === 0n ? null : String(entry.hash).toLowerCase();
    },
    poster:
      posterSigner &&
      chainPoster({
        transactor: transactorOf(posterSigner),
        vault: addresses.vault,
        registry: addresses.registry,
        registryView,
      }),
    faucet: local === undefined ? null : faucet(local, transactorOf(local.faucetSigner), addresses.open, rpc),
    close: async () => rpc.close(),
  };
}

function faucet(
  { setGasMoney }: NonNullable<ConnectOptions['local']>,
  giver: Transactor,
  open: Hex,
  rpc: Rpc,
): (to: Hex, amountWei: bigint) => Promise<Hex> {
  let turn: Promise<unknown> = Promise.resolve();
  return (to, amountWei) => {
    const given = turn.then(async () => {
      const gas = readQuantity(await rpc.call('eth_getBalance', [to, 'latest']), 'a balance');
      if (gas < FAUCET_GAS_WEI) await setGasMoney(to, FAUCET_GAS_WEI);
      const data = contractFaces().open.abi.encodeFunctionData('transfer', [to, amountWei]);
      const signed = await giver.sign({ to: open, data, what: 'the gift of practice coins' });
      await giver.send(signed);
      await untilMined(giver, signed.txHash, 'the gift of practice coins', FAUCET_WAIT);
      return signed.txHash;
    });
    turn = given.catch(() => undefined);
    return given;
  };
}
