// Runs forge on contracts/ (settings in foundry.toml) with the solc of npm, without network. Used by forge-cli.ts, the
// mutation run and the tests. forge wants a compiler that is a program: forge-solc-main.ts, behind a script that is written
// here because it names the Node that runs now. Knows no contracts.
import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const contractsFolder = join(import.meta.dirname, '..');
const root = join(contractsFolder, '..');
const config = join(contractsFolder, 'foundry.toml');
const TIMEOUT_MS = 10 * 60_000;

/** The path of forge: of the npm package for this platform, else one on the PATH; undefined when there is none. */
export function findForge(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const program = process.platform === 'win32' ? 'forge.exe' : 'forge';
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const folders = (environment.PATH ?? '').split(delimiter).filter(Boolean);
  try {
    const name = `@foundry-rs/forge-${process.platform}-${arch}/package.json`;
    folders.unshift(join(dirname(createRequire(import.meta.url).resolve(name)), 'bin'));
  } catch {
    // npm has no package for this platform, or it was not installed
  }
  return folders.map((folder) => join(folder, program)).find(isRunnable);
}

/** Why the Solidity tests do not run here, and what one can do. */
export const NO_FORGE = `npm has no forge for ${process.platform} ${process.arch} and there is none on the PATH: install Foundry to run the Solidity tests`;

/**
 * Runs forge to its end.
 * @param args arguments of forge, its command first
 * @param environment added to this process's
 * @returns what it said on both channels
 * @throws Error when there is no forge, or it does not end in ten minutes
 */
export async function runForge(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const forge = findForge();
  if (forge === undefined) throw new Error(NO_FORGE);
  const child = spawn(forge, [args[0], '--root', root, ...args.slice(1)], {
    env: {
      ...process.env,
      FOUNDRY_CONFIG: config,
      FOUNDRY_SOLC: await solcProgram(),
      FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      if (exitCode === null) reject(new Error(`forge ended by ${signal} and said: ${output.slice(-2000)}`));
      else resolve({ exitCode, output });
    });
  });
}

/** A program that behaves as solc does, for this Node. forge asks for the version each time: that is answered at once. */
async function solcProgram(): Promise<string> {
  const { default: solc } = await import('solc');
  const version = solc.version().replace('Emscripten.clang', 'Linux.g++');
  const folder = join(contractsFolder, 'cache');
  const path = join(folder, 'solc');
  const script = join(import.meta.dirname, 'forge-solc-main.ts');
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.${process.pid}`; // renamed, so that a forge that runs now never reads half of it
  writeFileSync(
    draft,
    `#!/bin/sh
if [ "$1" = --version ]; then
  printf 'solc, the solidity compiler commandline interface\\nVersion: ${version}\\n'
else
  exec "${process.execPath}" "${script}"
fi
`,
  );
  chmodSync(draft, 0o755);
  renameSync(draft, path);
  return path;
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
