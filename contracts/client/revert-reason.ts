// What a contract says when it refuses: its error by name and arguments, read by the ABIs of all our contracts. Used wherever
// a call or a transaction is simulated. Not covered: errors of contracts that are not ours (their selector is shown).
import type { Interface, Result } from 'ethers';
import { ChainFault, type Hex } from './chain.ts';
import { contractFaces } from './contract-faces.ts';
import { RpcRefusal } from './json-rpc.ts';

/** `Name` or `Name(argument, argument)`; undefined when the data are no error. */
function contractErrorIn(data: Hex | undefined): string | undefined {
  if (data === undefined || data.length < 10) return undefined;
  for (const face of Object.values(contractFaces())) {
    const found = parseWith(face.abi, data);
    if (found !== undefined) return found;
  }
  return `an unknown error ${data.slice(0, 10)}`;
}

/**
 * Runs what simulates a transaction.
 * @throws ChainFault `chain_reverted` with the contract's error when it was a contract that refused
 */
export async function naming<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RpcRefusal)) throw error;
    const reverted = error.data !== undefined || error.rpcCode === 3 || /revert/i.test(error.said);
    if (!reverted) throw error;
    const contractError = contractErrorIn(error.data);
    throw new ChainFault(
      'chain_reverted',
      `${what} is refused: ${contractError ?? 'no reason given'}`,
      'never',
      {
        cause: error,
        ...(contractError === undefined ? {} : { contractError }),
      },
    );
  }
}

function parseWith(abi: Interface, data: Hex): string | undefined {
  try {
    const error = abi.parseError(data); // knows Error(string) and Panic(uint256) too
    if (error === null) return undefined;
    return error.args.length === 0 ? error.name : `${error.name}(${words(error.args)})`;
  } catch {
    return undefined;
  }
}

const words = (args: Result): string => args.toArray().map(String).join(', ');
