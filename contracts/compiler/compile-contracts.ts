// Compiles contracts/src with the solc of npm, offline, into the artifacts that are committed in contracts/artifacts/:
// ABI, bytecode, and what they were made of. Used by compile-cli.ts, by the mutation run (with changed sources) and by
// the test that compares the committed artifacts with the sources. Needs the development packages; it knows no chain.
// Invariant: the same sources and settings give the same bytes on every machine (no paths, no source hash in the code).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import solc from 'solc';

const root = join(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
/** Where the sources that begin with `@openzeppelin/contracts` are. */
const openZeppelin = dirname(require.resolve('@openzeppelin/contracts/package.json'));
const OPEN_ZEPPELIN = '@openzeppelin/contracts/';

/** Our own sources, and what of OpenZeppelin is deployed as it is. */
export const contractSources: Readonly<Record<string, string>> = {
  Open: 'contracts/src/Open.sol',
  Registry: 'contracts/src/Registry.sol',
  Vault: 'contracts/src/Vault.sol',
  TimelockController: '@openzeppelin/contracts/governance/TimelockController.sol',
};

/** viaIR: claims and postings are some 3 % cheaper, and their gas is what users pay. */
const settings = {
  evmVersion: 'cancun',
  viaIR: true,
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: 'none' },
} as const;

/** The same rules in a tenth of the time: nothing is optimised. */
export const plainSettings = { evmVersion: settings.evmVersion, metadata: settings.metadata } as const;

interface AbiPart {
  readonly type: string;
  readonly name?: string;
}

/** One committed artifact. */
export interface ContractArtifact {
  readonly contractName: string;
  /** Long version of the compiler. */
  readonly compiler: string;
  readonly settings: object;
  /** sha256 over the paths and texts of every source the contract is made of, in order of path. */
  readonly sourceHash: string;
  readonly abi: readonly AbiPart[];
  /** Creation code, 0x-prefixed, without constructor arguments. */
  readonly bytecode: string;
  /** Code on the chain, 0x-prefixed, with zeros where the immutables go. */
  readonly deployedBytecode: string;
  /** Where in deployedBytecode each immutable goes, in bytes, as the compiler tells it. */
  readonly immutableReferences: ImmutableReferences;
}

type ImmutableReferences = Readonly<
  Record<string, readonly { readonly start: number; readonly length: number }[]>
>;

interface SolcCode {
  readonly object: string;
  readonly immutableReferences?: ImmutableReferences;
}

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly abi: readonly AbiPart[];
            readonly metadata: string;
            readonly evm: { readonly bytecode: SolcCode; readonly deployedBytecode: SolcCode };
          }
        >
      >
    >
  >;
}

/** Text of a source by the path that Solidity knows it by. */
function readSource(path: string): string {
  const isOurs = !path.startsWith(OPEN_ZEPPELIN);
  return readFileSync(
    isOurs ? join(root, path) : join(openZeppelin, path.slice(OPEN_ZEPPELIN.length)),
    'utf8',
  );
}

/**
 * Compiles the named contracts.
 * @param names keys of contractSources
 * @param changed texts that stand in for files, by path
 * @param used other settings: plainSettings where the gas does not matter
 * @throws Error with the compiler's words when a source does not compile
 */
export function compileContracts(
  names: readonly string[] = Object.keys(contractSources),
  changed: Readonly<Record<string, string>> = {},
  used: object = settings,
): readonly ContractArtifact[] {
  const textOf = (path: string) => changed[path] ?? readSource(path);
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(
      names.map((name) => [contractSources[name], { content: textOf(contractSources[name]) }]),
    ),
    settings: {
      ...used,
      outputSelection: {
        '*': { '*': ['abi', 'metadata', 'evm.bytecode.object', 'evm.deployedBytecode'] },
      },
    },
  };
  const output: SolcOutput = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (path: string) => ({ contents: textOf(path) }) }),
  );
  const failed = (output.errors ?? []).filter(({ severity }) => severity === 'error');
  if (failed.length > 0) throw new Error(failed.map(({ formattedMessage }) => formattedMessage).join('\n'));
  return names.map((name) => {
    const compiled = output.contracts?.[contractSources[name]]?.[name];
    if (compiled === undefined) throw new Error(`no contract ${name} in ${contractSources[name]}`);
    const { bytecode, deployedBytecode } = compiled.evm;
    const paths = Object.keys(JSON.parse(compiled.metadata).sources).sort();
    const hash = createHash('sha256');
    for (const path of paths) hash.update(`${path}\0${textOf(path)}\0`);
    return {
      contractName: name,
      compiler: solc.version(),
      settings: used,
      sourceHash: hash.digest('hex'),
      abi: compiled.abi,
      bytecode: `0x${bytecode.object}`,
      deployedBytecode: `0x${deployedBytecode.object}`,
      immutableReferences: deployedBytecode.immutableReferences ?? {},
    };
  });
}

/** An artifact as it stands in its file. */
export function artifactText(artifact: ContractArtifact): string {
  return `${JSON.stringify(artifact, null, 2)}\n`;
}
