// Installs one npm package that is measured beside us and is no dependency of this project. Used by the files that bring
// the peers. A lock file makes npm check the hash; scripts of the package never run. It knows no package.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface PackageToInstall {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** Of its own: npm takes away whatever else lies there. */
  readonly folder: string;
  /** A file that exists when it is installed. */
  readonly proof: string;
}

const limitMs = 180_000;

/** Under node_modules/.cache, so that nothing of it enters the repository. */
export function peerFolder(name: string): string {
  return join(import.meta.dirname, '../../node_modules/.cache', name);
}

/** Undefined if it went well, else why not. */
export async function installPackage(wanted: PackageToInstall): Promise<string | undefined> {
  const { name, version, integrity, folder, proof } = wanted;
  mkdirSync(folder, { recursive: true });
  const dependencies = { [name]: version };
  const write = (file: string, value: unknown): void =>
    writeFileSync(join(folder, file), JSON.stringify(value));
  write('package.json', { private: true, dependencies });
  write('package-lock.json', {
    lockfileVersion: 3,
    requires: true,
    packages: { '': { dependencies }, [`node_modules/${name}`]: { version, integrity } },
  });
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn(command, [...first, ...options], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limitMs,
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? 'no exit code'));
  });
  if (code === 0 && existsSync(proof)) return undefined;
  const why = errors.split('\n').find((line) => /error/i.test(line)) ?? '';
  return `npm could not install ${name} ${version} (${code}) ${why}`.trim();
}
