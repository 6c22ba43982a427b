// Brings @jax-js/jax, the other way to train in JavaScript on a CPU: generated WebAssembly. It is no dependency of this
// project: on first use npm installs it (version and hash fixed below, no dependencies) into node_modules/.cache.
// Used by the training bench. Invariant: no peer is no failure; its figure is then missing, with the reason.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JaxModule } from './jax-lora-step.ts';
import { installPackage, peerFolder } from './peer-install.ts';

const name = '@jax-js/jax';
const version = '0.1.25';
const integrity =
  'sha512-g6PxWa6ZLjeQdDAM0ImBSqpdYnC6InCUTCCbMLxhMHMsMNu+JbHRjIQZ/anjBcP69of6hiqfGmTl+3gBn1qu/A==';
const folder = peerFolder('bench-peer-jax');
const proof = join(folder, 'node_modules', name, 'dist/index.js');

export const jaxName = `${name} ${version}`;

/** On its WebAssembly device, which has one thread in Node. @param say told when something is downloaded */
export async function loadJax(
  say: (line: string) => void,
): Promise<{ readonly jax: JaxModule } | { readonly missing: string }> {
  if (!existsSync(proof)) {
    say(`installing ${jaxName} (1 MB) into node_modules/.cache …`);
    const failure = await installPackage({ name, version, integrity, folder, proof });
    if (failure !== undefined) return { missing: failure };
  }
  try {
    const jax: JaxModule = await import(pathToFileURL(proof).href);
    const devices = await jax.init('wasm');
    if (!devices.includes('wasm')) return { missing: `${jaxName} has no WebAssembly device here` };
    jax.defaultDevice('wasm');
    return { jax };
  } catch (error) {
    return { missing: `${jaxName} does not load: ${error instanceof Error ? error.message : String(error)}` };
  }
}
