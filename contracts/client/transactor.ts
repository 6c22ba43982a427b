// Transactions of one key: simulated, priced, signed, sent, followed. Used by poster.ts, the faucet and the deployment. It
// remembers nothing: what was signed is given to the caller, who stores it before it is sent, so that after a crash the same
// is sent again (harmless) and never a second one.
// States of a transaction as the node sees it: unknown → waiting → mined | reverted → final; a reorg takes it back to waiting.

import { setTimeout as sleep } from 'node:timers/promises';
import { Transaction } from 'ethers';
import {
  type ChainBlock,
  ChainFault,
  type DigestSigner,
  type Hex,
  type SignedPosting,
  type TxState,
} from './chain.ts';
import { checkedSignature } from './digest-signer.ts';
import { type Rpc, RpcRefusal } from './json-rpc.ts';
import { naming } from './revert-reason.ts';
import { readHex, readObject, readQuantity } from './rpc-values.ts';
import { chooseFees } from './tx-fees.ts';
import type { CallMoment } from './view-call.ts';

export interface TxRequest {
  /** Undefined = a new contract. */
  readonly to: Hex | undefined;
  readonly data: Hex;
  /** For messages: what this transaction is. */
  readonly what: string;
}

export interface Transactor {
  readonly address: Hex;
  gasWei(): Promise<bigint>;
  /**
   * Simulates, prices and signs at the next free nonce.
   * @param replaces takes its nonce, with higher fees; or a lower one that another transaction of this key holds up, for as
   * long as that waits, no fee of a later one helps
   */
  sign(request: TxRequest, replaces?: SignedPosting): Promise<SignedPosting>;
  send(signed: SignedPosting): Promise<void>;
  txState(txHash: Hex): Promise<TxState>;
}

interface TransactorOptions {
  readonly rpc: Rpc;
  readonly chainId: bigint;
  readonly signer: DigestSigner;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  /** At which state a transaction is tried before it is signed. */
  readonly moment: CallMoment;
  readonly finalBlock: () => Promise<ChainBlock | null>;
}

/** Gas is estimated against a state that may have changed when the transaction is mined. */
const GAS_MARGIN_PERCENT = 25n;
/** A mined transaction may be known to one node of a service and not yet to another. */
const LOOKS = 4;
const LOOK_AGAIN_MS = 500;

export function transactor({
  rpc,
  chainId,
  signer,
  maxFeePerGas,
  moment,
  finalBlock,
}: TransactorOptions): Transactor {
  const { address } = signer;

  async function stateOf(txHash: Hex): Promise<TxState> {
    const receipt = await rpc.call('eth_getTransactionReceipt', [txHash]);
    if (receipt === null) {
      const known = await rpc.call('eth_getTransactionByHash', [txHash]);
      return { state: known === null ? 'unknown' : 'waiting' };
    }
    const { status, blockNumber, blockHash, gasUsed } = readObject(receipt, 'a receipt');
    const block = {
      number: readQuantity(blockNumber, 'a block number'),
      hash: readHex(blockHash, 'a block hash', 32),
    };
    const facts = { block, gasUsed: readQuantity(gasUsed, 'gas') };
    if (readQuantity(status, 'a status') === 0n) return { state: 'reverted', ...facts };
    const final = await finalBlock();
    return { state: final !== null && block.number <= final.number ? 'final' : 'mined', ...facts };
  }

  /** True when the node has this transaction, mined or waiting. */
  async function isKnown(txHash: Hex): Promise<boolean> {
    for (let look = 1; ; look++) {
      if ((await stateOf(txHash)).state !== 'unknown') return true;
      if (look === LOOKS) return false;
      await sleep(LOOK_AGAIN_MS);
    }
  }

  const countOf = async (tag: 'latest' | 'pending'): Promise<number> =>
    Number(readQuantity(await rpc.call('eth_getTransactionCount', [address, tag]), 'a nonce'));

  return {
    address,
    async gasWei() {
      return readQuantity(await rpc.call('eth_getBalance', [address, 'latest']), 'a balance');
    },
    async sign({ to, data, what }, replaces) {
      if (replaces !== undefined) {
        const { state } = await stateOf(replaces.txHash);
        if (state !== 'unknown' && state !== 'waiting')
          throw new ChainFault('tx_mined', `${what}: the transaction to be replaced is mined`, 'never');
      }
      const call = { from: address, ...(to === undefined ? {} : { to }), data };
      const estimate = await naming(what, async () => {
        const at = await moment();
        await rpc.call('eth_call', [call, ...at]); // says why; some nodes' estimate does not
        return readQuantity(await rpc.call('eth_estimateGas', [call, ...at]), 'gas');
      });
      const before = replaces && Transaction.from(replaces.raw);
      const replaced = before && {
        maxFeePerGas: before.maxFeePerGas ?? 0n,
        maxPriorityFeePerGas: before.maxPriorityFeePerGas ?? 0n,
      };
      const transaction = Transaction.from({
        type: 2,
        chainId,
        nonce:
          replaces === undefined
            ? await countOf('pending')
            : Math.min(replaces.nonce, await countOf('latest')),
        to: to ?? null,
        data,
        gasLimit: estimate + (estimate * GAS_MARGIN_PERCENT) / 100n,
        ...(await chooseFees(rpc, maxFeePerGas, replaced)),
      });
      const digest = transaction.unsignedHash;
      const signature = checkedSignature(await signer.signDigest(digest), digest, address);
      if (signature === undefined)
        throw new ChainFault('signer_refused', `the signature is not that of ${address}`, 'never');
      transaction.signature = signature;
      return { txHash: keccakOf(transaction), nonce: transaction.nonce, raw: transaction.serialized };
    },
    async send({ txHash, raw, nonce }) {
      try {
        await rpc.call('eth_sendRawTransaction', [raw]);
      } catch (error) {
        if (!(error instanceof RpcRefusal)) throw error;
        const meaning = meaningOf(error.said);
        if (meaning === 'known') return;
        if (await (meaning === 'nonce_used' ? isKnown(txHash) : isKnownNow(txHash))) return;
        if (meaning === 'nonce_used')
          throw new ChainFault(
            'nonce_used',
            `nonce ${nonce} of ${address} was used by another transaction`,
            'never',
          );
        if (meaning === 'fee_too_low')
          throw new ChainFault(
            'fee_too_low',
            `the fee of this transaction is too low now: ${error.said}`,
            'never',
          );
        if (meaning === 'no_gas_money')
          throw new ChainFault('no_gas_money', `${address} has too little to pay for gas`, 'after');
        throw error;
      }
    },
    txState: stateOf,
  };

  async function isKnownNow(txHash: Hex): Promise<boolean> {
    return (await stateOf(txHash)).state !== 'unknown';
  }
}

/** Nodes say the same in different words (geth, Erigon, Nethermind, Besu, reth, anvil); there are no codes for it. */
function meaningOf(said: string): 'known' | 'nonce_used' | 'fee_too_low' | 'no_gas_money' | 'other' {
  if (
    /already known|already imported|known transaction|already exists|already in (the )?(mem)?pool/i.test(said)
  )
    return 'known';
  if (/nonce (is )?too low|old ?nonce|nonce.*already used|stale nonce/i.test(said)) return 'nonce_used';
  if (
    /underpriced|less than (the )?block base fee|fee ?cap too low|max ?fee ?per ?gas.*(low|less)|replacement/i.test(
      said,
    )
  )
    return 'fee_too_low';
  if (/insufficient (funds|balance)|not enough (funds|balance)|upfront cost/i.test(said))
    return 'no_gas_money';
  return 'other';
}

function keccakOf(transaction: Transaction): Hex {
  const { hash } = transaction;
  if (hash === null) throw new TypeError('a signed transaction has a hash');
  return hash;
}
