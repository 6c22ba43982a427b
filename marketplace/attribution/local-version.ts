// The model version a receipt was measured with, found on this machine by content, not by name: the adapter whose weights and the
// gradient store whose description have the hashes that the receipt says. Used by attribute-cli.ts. Reads only; it needs no
// database, so that a copy of the data folder is enough to measure a receipt again.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storeHashOf } from '../../engine/attribution/gradient-store.ts';
import { adapterSha256 } from '../receipts/adapter-hash.ts';

export interface LocalVersion {
  readonly adapterDir: string;
  readonly storeDir: string;
}

export type FoundVersion =
  | ({ readonly ok: true } & LocalVersion)
  | {
      readonly ok: false;
      readonly missing: 'adapter' | 'store';
      readonly searched: string;
      readonly hash: string;
    };

/** @param dataDir the program's data folder, with `adapters/` and `stores/` */
export async function findLocalVersion(
  dataDir: string,
  hashes: { readonly adapterSha256: string | null; readonly storeHash: string },
): Promise<FoundVersion> {
  const [adapters, stores] = [join(dataDir, 'adapters'), join(dataDir, 'stores')];
  const storeDir = await firstOf(stores, (dir) => storeHash(dir) === hashes.storeHash);
  if (storeDir === undefined)
    return { ok: false, missing: 'store', searched: stores, hash: hashes.storeHash };
  const adapterDir = await firstOf(
    adapters,
    async (dir) => (await adapterSha256(dir)) === hashes.adapterSha256,
  );
  if (adapterDir === undefined || hashes.adapterSha256 === null)
    return { ok: false, missing: 'adapter', searched: adapters, hash: hashes.adapterSha256 ?? 'none' };
  return { ok: true, adapterDir, storeDir };
}

async function firstOf(
  folder: string,
  isIt: (dir: string) => boolean | Promise<boolean>,
): Promise<string | undefined> {
  const names = existsSync(folder) ? (await readdir(folder)).sort() : [];
  for (const name of names) if (await isIt(join(folder, name))) return join(folder, name);
  return undefined;
}

/** Undefined for what is no gradient store, or one that is still being built. */
function storeHash(dir: string): string | undefined {
  try {
    return storeHashOf(dir);
  } catch {
    return undefined;
  }
}
