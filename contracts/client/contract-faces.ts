// The compiled contracts as the client needs them: interface, creation code, and where the code that stands on chain differs
// from the compiled one (immutables). Read from contracts/artifacts, which the compiler tool writes. Used by the client and the
// deployment. Read once; knows no addresses.
import { readFileSync } from 'node:fs';
import { Interface, type InterfaceAbi } from 'ethers';
import type { Hex } from './chain.ts';

export interface ContractFace {
  readonly name: string;
  readonly abi: Interface;
  /** Creation code, without constructor arguments. */
  readonly bytecode: Hex;
  /** Code on chain, with zeros where immutables go. */
  readonly deployedBytecode: Hex;
  /** Places of immutables in the code on chain, in bytes. */
  readonly immutables: readonly { readonly start: number; readonly length: number }[];
}

const NAMES = { open: 'Open', vault: 'Vault', registry: 'Registry', timelock: 'TimelockController' } as const;

export type ContractName = keyof typeof NAMES;

let faces: Readonly<Record<ContractName, ContractFace>> | undefined;

export function contractFaces(): Readonly<Record<ContractName, ContractFace>> {
  faces ??= {
    open: readFace(NAMES.open),
    vault: readFace(NAMES.vault),
    registry: readFace(NAMES.registry),
    timelock: readFace(NAMES.timelock),
  };
  return faces;
}

interface Artifact {
  readonly abi: InterfaceAbi;
  readonly bytecode: Hex;
  readonly deployedBytecode: Hex;
  readonly immutableReferences: Readonly<
    Record<string, readonly { readonly start: number; readonly length: number }[]>
  >;
}

function readFace(name: string): ContractFace {
  const file = new URL(`../artifacts/${name}.json`, import.meta.url);
  const artifact = JSON.parse(readFileSync(file, 'utf8')) as Artifact;
  return {
    name,
    abi: new Interface(artifact.abi),
    bytecode: artifact.bytecode,
    deployedBytecode: artifact.deployedBytecode,
    immutables: Object.values(artifact.immutableReferences).flat(),
  };
}
