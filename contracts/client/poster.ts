// Puts epochs on the vault and versions into the registry, with the poster's key. Used by the marketplace's settlement through
// Chain.poster; made by connect-chain.ts. It decides nothing: which epoch, when to replace and when to give up is the
// caller's. Invariants: nothing is sent that the contract would refuse at the newest block; a version is never recorded twice.
import { id } from 'ethers';
import { ChainFault, type ChainPoster, type Hex, type SignedPosting } from './chain.ts';
import { contractFaces } from './contract-faces.ts';
import type { Transactor } from './transactor.ts';
import type { View } from './view-call.ts';

interface PosterOptions {
  readonly transactor: Transactor;
  readonly vault: Hex;
  readonly registry: Hex;
  readonly registryView: View;
  /** A record that waits longer is replaced when it is asked for again. */
  readonly replaceAfterMs?: number;
}

const REPLACE_AFTER_MS = 3 * 60_000;

export function chainPoster(options: PosterOptions): ChainPoster {
  const { transactor, vault, registry, registryView, replaceAfterMs = REPLACE_AFTER_MS } = options;
  const { vault: vaultFace, registry: registryFace } = contractFaces();
  /** Versions that were sent and are not seen in the registry yet. */
  const sent = new Map<string, { readonly signed: SignedPosting; readonly sentAt: number }>();
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: two transactions that are signed at once would take the same nonce. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function record(
    read: 'datanetVersion' | 'modelVersion',
    write: 'recordDatanetVersion' | 'recordModelVersion',
    key: readonly [Hex, number],
    values: readonly Hex[],
  ): Promise<Hex | null> {
    const name = `${write} ${key.join(' ')}`;
    return inTurn(async () => {
      const [entry] = await registryView.read(read, key);
      if (BigInt(entry.time) !== 0n) {
        sent.delete(name);
        if (String(entry.hash).toLowerCase() === values[0].toLowerCase()) return null;
        throw new ChainFault(
          'chain_reverted',
          `version ${key[1]} stands in the registry with another hash: nothing is overwritten there`,
          'never',
          { contractError: 'AlreadyRecorded' },
        );
      }
      const before = sent.get(name);
      const state = before && (await transactor.txState(before.signed.txHash)).state;
      const waits = state === 'waiting' && performance.now() - (before?.sentAt ?? 0) < replaceAfterMs;
      if (before !== undefined && (waits || state === 'mined')) return before.signed.txHash;
      const data = registryFace.abi.encodeFunctionData(write, [...key, ...values]);
      const request = { to: registry, data, what: `the record of version ${key[1]}` };
      const signed = await transactor.sign(request, state === 'waiting' ? before?.signed : undefined);
      sent.set(name, { signed, sentAt: performance.now() });
      await transactor.send(signed);
      return signed.txHash;
    });
  }

  return {
    address: transactor.address,
    gasWei: () => transactor.gasWei(),
    signEpoch(posting, replaces) {
      const { epoch, receiptsRoot, claimsRoot, claimsTotalWei, leafFileHash } = posting;
      const data = vaultFace.abi.encodeFunctionData('postEpoch', [
        epoch,
        receiptsRoot,
        claimsRoot,
        claimsTotalWei,
        leafFileHash,
      ]);
      return inTurn(() =>
        transactor.sign({ to: vault, data, what: `the posting of epoch ${epoch}` }, replaces),
      );
    },
    send: (signed) => inTurn(() => transactor.send(signed)),
    txState: (txHash) => transactor.txState(txHash),
    recordDatanetVersion: ({ datanet, number, root }) =>
      record('datanetVersion', 'recordDatanetVersion', [id(datanet), number], [root]),
    recordModelVersion: ({ model, number, hash, datanetRoot }) =>
      record('modelVersion', 'recordModelVersion', [id(model), number], [hash, datanetRoot]),
  };
}
