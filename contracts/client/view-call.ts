// Reads a view function of one of our contracts. Used by connect-chain.ts, poster.ts and the deployment. Knows no caches: each
// reading is a question to the node.
import type { Interface, Result } from 'ethers';
import { ChainFault, type Hex } from './chain.ts';
import type { Rpc } from './json-rpc.ts';
import { quantity, readBlock, readHex } from './rpc-values.ts';

/** A contract at an address, read at a block tag. */
export interface View {
  read(name: string, args?: readonly unknown[]): Promise<Result>;
}

/** The block (and its clock) at which a call is tried: what follows the call in the parameters of eth_call. */
export type CallMoment = () => Promise<readonly unknown[]>;

export const atNewestBlock: CallMoment = async () => ['latest'];

/**
 * The newest block, but by the clock of now: for the local chain, which makes blocks only when there is a transaction, so that
 * the newest block's own clock stands still (a posting would seem to wait for ever).
 */
export function atThisMoment(rpc: Rpc): CallMoment {
  return async () => {
    const newest = (await readBlock(rpc, 'latest'))?.timestamp ?? 0n;
    const now = BigInt(Math.floor(Date.now() / 1000));
    return ['latest', {}, { time: quantity(now > newest ? now : newest) }];
  };
}

export function viewOf(rpc: Rpc, abi: Interface, address: Hex, moment: CallMoment = atNewestBlock): View {
  return {
    async read(name, args = []) {
      const data = abi.encodeFunctionData(name, [...args]);
      const params = [{ to: address, data }, ...(await moment())];
      const answer = readHex(await rpc.call('eth_call', params), 'the answer of a contract');
      try {
        return abi.decodeFunctionResult(name, answer);
      } catch (cause) {
        // "0x" is what an address without code answers
        throw new ChainFault(
          'deployment_wrong',
          `the contract at ${address} does not know ${name}`,
          'never',
          { cause },
        );
      }
    },
  };
}
