// Where the root of an epoch is looked up, other than in the file that is being checked: the registry on chain by an RPC
// address, a single root, or a saved list of roots. Used by verify-cli.ts. It trusts no file: a source that cannot be asked
// throws, it never says yes.
// A roots file is {"chainId":"31337","registry":"0x…","roots":{"1":"0x…","2":"0x…"}}, where chainId and registry may be left
// out, or what the program's page /epochs gave, saved at the time.
import { readFile } from 'node:fs/promises';
import { Interface } from 'ethers';
import { z } from 'zod';
import { jsonRpc } from '../../contracts/client/json-rpc.ts';
import type { ReceiptProof } from './receipt-file.ts';
import type { KnownRoot } from './verify-file.ts';

export type RootSource = (epoch: ReceiptProof) => Promise<KnownRoot>;

const REGISTRY = new Interface([
  'function epoch(uint64) view returns ((bytes32 hash, uint48 at, address by))',
]);

/**
 * The registry's own word. @param registry which one; default: the one that the file names, which the reader has to know
 * @throws ChainFault when the node cannot be reached or refuses
 */
export function rootOnChain(url: string, registry?: string): RootSource {
  return async ({ number, registry: named }) => {
    const rpc = jsonRpc(url);
    const address = (registry ?? named ?? '').toLowerCase();
    if (address === '') throw new RangeError('the file names no registry: tell which with --registry');
    const chainId = BigInt(String(await rpc.call('eth_chainId'))).toString();
    const data = REGISTRY.encodeFunctionData('epoch', [number]);
    const answer = String(await rpc.call('eth_call', [{ to: address, data }, 'latest']));
    const source = `registry ${address} on chain ${chainId}`;
    // No contract there answers with nothing at all.
    if (answer === '0x') return { root: null, source, chainId, registry: address };
    const [entry] = REGISTRY.decodeFunctionResult('epoch', answer);
    return { root: BigInt(entry.hash) === 0n ? null : entry.hash, source, chainId, registry: address };
  };
}

export const rootGiven =
  (root: string): RootSource =>
  async () => ({ root, source: 'the root you gave' });

const hash = z.string().regex(/^0x[0-9a-fA-F]{64}$/);
const rootsShape = z.object({
  chainId: z.string().optional(),
  registry: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/)
    .optional(),
  roots: z.record(z.string().regex(/^\d+$/), hash),
});

const epochsShape = z.object({
  schema: z.literal('openmodels/epochs/1'),
  epochs: z.array(z.object({ number: z.number().int(), receiptsRoot: hash.nullable() })),
});

/** The saved page of epochs as a list of roots. */
const savedRoots = epochsShape.transform(({ epochs }) => ({
  roots: Object.fromEntries(
    epochs.flatMap(({ number, receiptsRoot }) => (receiptsRoot === null ? [] : [[number, receiptsRoot]])),
  ),
}));

/** @throws when the file cannot be read or is no list of roots */
export function rootFromFile(path: string): RootSource {
  return async ({ number }) => {
    const parsed = savedRoots.or(rootsShape).safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (!parsed.success) throw new RangeError(`${path} is no list of roots`);
    const { roots, chainId, registry }: z.infer<typeof rootsShape> = parsed.data;
    return {
      root: roots[String(number)] ?? null,
      source: 'the saved roots',
      ...(chainId === undefined ? {} : { chainId }),
      ...(registry === undefined ? {} : { registry }),
    };
  };
}
