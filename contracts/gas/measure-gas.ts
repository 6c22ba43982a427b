// What every transaction of the contracts costs: sent to an anvil of its own, read from the receipts (the base of 21,000 is
// in). Used by gas-cli.ts, which writes the committed snapshot, by the test that compares with it and by the bench. Keys and
// amounts are fixed, so that the figures are the same in every run. Knows no people and no epochs of the marketplace.
import { id, JsonRpcProvider, NonceManager, Signature, Wallet } from 'ethers';
import { anvilUrl, findAnvil, NO_ANVIL, startAnvil } from '../local/anvil-process.ts';
import { endProcess } from '../local/process-identity.ts';
import { claimLeaf, flatTree, HASH_BYTES, hexOf, treeRoot } from '../merkle/flat-tree.ts';
import { type DeployedContracts, deployContracts } from './deploy-contracts.ts';

const CHAIN_ID = 813_732_001n;
const NANO = 10n ** 9n; // wei
const OPEN = 10n ** 18n; // wei
const DELAY_SECONDS = 60;
/** Whole nano with no zero bytes to spare: the calldata is as dear as it gets. */
const EARNED = 1_234_567_891n * NANO;
const LATER_POSTINGS = 4;

/** Gas by what was done, in the order in which it was done. */
export type GasFigures = Readonly<Record<string, number>>;

/**
 * Measures all transactions.
 * @param folder an existing one, for anvil's log
 * @throws Error where there is no anvil
 */
export async function measureGas(folder: string): Promise<GasFigures> {
  const anvil = findAnvil();
  if (anvil === undefined) throw new Error(NO_ANVIL);
  const running = await startAnvil({
    anvil,
    chainId: CHAIN_ID,
    folder,
    onSpawn: async () => undefined,
  });
  const provider = new JsonRpcProvider(anvilUrl(running.port), CHAIN_ID, {
    staticNetwork: true,
    cacheTimeout: -1,
    pollingInterval: 20,
  });
  try {
    return await measureOn(provider);
  } finally {
    provider.destroy();
    await endProcess(running.pid, 0);
  }
}

async function measureOn(provider: JsonRpcProvider): Promise<GasFigures> {
  const wallet = new Wallet(id('openmodels: gas of the contracts'), provider);
  await provider.send('anvil_setBalance', [wallet.address, `0x${(10n ** 24n).toString(16)}`]);
  const gas: Record<string, number> = {};
  const contracts = await deployContracts(new NonceManager(wallet), {
    delaySeconds: DELAY_SECONDS,
    growthCapWei: 10_000_000n * OPEN,
    onDeployed: (name, used) => {
      gas[`deploy ${name}`] = Number(used);
    },
  });
  const send = async (contract: keyof DeployedContracts, method: string, ...args: readonly unknown[]) => {
    const sent = await contracts[contract].getFunction(method)(...args);
    const receipt = await sent.wait();
    return Number(receipt.gasUsed);
  };
  const passDelay = () => provider.send('evm_increaseTime', [DELAY_SECONDS]);
  let epoch = 0;
  let total = 0n;
  const post = async (claimsRoot: string, totalWei: bigint) => {
    epoch++;
    total = totalWei;
    const used = await send('vault', 'postEpoch', epoch, id(`r${epoch}`), claimsRoot, total, id(`l${epoch}`));
    await passDelay();
    return used;
  };
  const vaultAddress = await contracts.vault.getAddress();

  gas.approve = await send('open', 'approve', vaultAddress, 10n ** 27n);
  gas['deposit, first ever'] = await send('vault', 'deposit', 300_000n * OPEN + NANO, id('a'));
  gas['deposit, later'] = await send('vault', 'deposit', 300_000n * OPEN + NANO, id('b'));
  await send('open', 'approve', vaultAddress, 0n);
  const permit = await signPermit(wallet, contracts, vaultAddress, EARNED);
  gas.depositWithPermit = await send('vault', 'depositWithPermit', EARNED, id('c'), ...permit);

  gas['postEpoch, first'] = await post(id('first'), EARNED);
  gas['postEpoch, second'] = await post(id('second'), 2n * EARNED);
  const later: number[] = [];
  for (let n = 0; n < LATER_POSTINGS; n++) later.push(await post(id(`root ${n}`), total + EARNED));
  gas['postEpoch, later'] = Math.max(...later);

  for (const leaves of [1_000, 100_000]) {
    const { account, root, proof } = deepestClaim(leaves, 2n * EARNED);
    // an epoch in which this account alone has earned half
    const alone = hexOf(claimLeaf(account, EARNED));
    await post(alone, total + EARNED);
    const first = await send('vault', 'claim', account, EARNED, alone, []);
    gas['claim, first of an account, 1 leaf'] ??= first;
    await post(root, total + 2n * EARNED * BigInt(leaves));
    const name = `claim, repeat, ${leaves.toLocaleString('en')} leaves`;
    gas[name] = await send('vault', 'claim', account, 2n * EARNED, root, proof);
  }

  epoch++;
  await send('vault', 'postEpoch', epoch, id('r'), id('vetoed'), total, id('l'));
  gas.vetoEpoch = await send('vault', 'vetoEpoch', epoch);
  const recorded = [id('pocket-atlas'), 1, id('root')];
  gas.recordDatanetVersion = await send('registry', 'recordDatanetVersion', ...recorded);
  gas.recordModelVersion = await send('registry', 'recordModelVersion', ...recorded, id('datanet'));
  gas.pause = await send('vault', 'pause');
  return gas;
}

/** A tree of claims of `amount` each, and the proof of the leaf that lies deepest. */
function deepestClaim(leaves: number, amount: bigint) {
  const accounts = Array.from({ length: leaves }, (_, n) => `0x${id(`account ${n}`).slice(26)}`);
  const hashes = accounts.map((account) => claimLeaf(account, amount));
  const nodes = flatTree(Buffer.concat(hashes));
  const at = (index: number) => nodes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  const last = nodes.length / HASH_BYTES - 1; // the smallest leaf stands last, so deepest
  const account = accounts[hashes.findIndex((hash) => Buffer.compare(hash, at(last)) === 0)];
  const proof: string[] = [];
  for (let i = last; i > 0; i = (i - 1) >> 1) proof.push(hexOf(at(i % 2 === 1 ? i + 1 : i - 1)));
  return { account, root: treeRoot(nodes), proof };
}

async function signPermit(
  owner: Wallet,
  { open }: DeployedContracts,
  spender: string,
  value: bigint,
): Promise<readonly [bigint, number, string, string]> {
  const deadline = 2n ** 40n;
  const domain = {
    name: 'Open',
    version: '1',
    chainId: CHAIN_ID,
    verifyingContract: await open.getAddress(),
  };
  const types = {
    Permit: [
      { name: 'owner', type: 'address' },
      { name: 'spender', type: 'address' },
      { name: 'value', type: 'uint256' },
      { name: 'nonce', type: 'uint256' },
      { name: 'deadline', type: 'uint256' },
    ],
  };
  const message = { owner: owner.address, spender, value, nonce: 0n, deadline };
  const { v, r, s } = Signature.from(await owner.signTypedData(domain, types, message));
  return [deadline, v, r, s];
}
