// SHA-256 of a model version's adapter weights, as receipts name it: `sha256sum adapter_model.safetensors` gives the same.
// Used when a receipt is made. Read once per version and process: a version's files never change.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const WEIGHTS_FILE = 'adapter_model.safetensors';

const known = new Map<string, string>();

/** 64 hex digits; null where the file cannot be read (the answer came from elsewhere): no call fails for it. */
export async function adapterSha256(adapterDir: string): Promise<string | null> {
  const before = known.get(adapterDir);
  if (before !== undefined) return before;
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(join(adapterDir, WEIGHTS_FILE)), hash);
  } catch {
    return null;
  }
  const found = hash.digest('hex');
  known.set(adapterDir, found);
  return found;
}
