// Brings the peer: the addon of node-llama-cpp (llama.cpp built for plain CPUs), which is no dependency of this project
// because its package pulls CUDA builds of many hundred megabytes. Used by the benchmarks. On first use npm installs the
// one package that holds the addon (30 MB, version and hash fixed below) into node_modules/.cache.
// Invariant: no peer is no failure; the benchmarks then say why their ratios are missing.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PeerBindings } from './llama-peer.ts';
import { installPackage, peerFolder } from './peer-install.ts';

export const peerName = 'node-llama-cpp 3.22.1';

const packageName = '@node-llama-cpp/linux-x64';
const version = '3.22.1';
const integrity =
  'sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==';
const platform = 'linux-x64';

const folder = peerFolder('bench-peer');
const addonPath = join(folder, 'node_modules', packageName, 'bins', platform, 'llama-addon.node');

export type PeerPackage = { readonly bindings: PeerBindings } | { readonly missing: string };

/** What node-llama-cpp does when it starts, without its layers above. */
interface AddonModule extends PeerBindings {
  readonly markLoaded: () => boolean;
  readonly setLogger: (log: (level: number, message: string) => void) => void;
  readonly setLoggerLogLevel: (level: number) => void;
  readonly loadBackends: (folder: string) => void;
  readonly init: () => Promise<void>;
}

/** @param say told when something is downloaded */
export async function loadPeer(say: (line: string) => void): Promise<PeerPackage> {
  const here = `${process.platform}-${process.arch}`;
  if (here !== platform)
    return { missing: `the peer's prebuilt addon is fixed for ${platform}, this is ${here}` };
  if (!existsSync(addonPath)) {
    say(`installing the peer (${packageName} ${version}, 30 MB) into node_modules/.cache …`);
    const failure = await installPackage({
      ...{ name: packageName, version, integrity, folder, proof: addonPath },
    });
    if (failure !== undefined) return { missing: failure };
  }
  try {
    const addon: AddonModule = createRequire(import.meta.url)(addonPath);
    addon.markLoaded();
    addon.setLogger((level, message) => {
      if (level <= 2) say(`peer: ${message.trim()}`);
    });
    addon.setLoggerLogLevel(2); // errors
    addon.loadBackends(dirname(addonPath));
    await addon.init();
    return { bindings: addon };
  } catch (error) {
    return {
      missing: `the peer's addon does not load: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
