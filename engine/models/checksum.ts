// Checksums as the hub lists them: SHA-256 of large files (git LFS), git's own SHA-1 of small ones.
// Used by hub-repo.ts and download-file.ts. A git blob's hash covers "blob <size>\0" and then the bytes.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface Checksum {
  readonly kind: 'sha256' | 'git-sha1';
  /** lower case */
  readonly hex: string;
}

interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** May be asked once. */
  hex(): string;
}

/** @param size bytes of the whole file */
export function checksumOf(kind: Checksum['kind'], size: number): RunningChecksum {
  const hash = createHash(kind === 'sha256' ? 'sha256' : 'sha1');
  if (kind === 'git-sha1') hash.update(`blob ${size}\0`);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}

/** The checksum of a file on disk, read in pieces. @param size its bytes */
export async function checksumOfFile(path: string, kind: Checksum['kind'], size: number): Promise<string> {
  const running = checksumOf(kind, size);
  for await (const chunk of createReadStream(path)) running.update(chunk);
  return running.hex();
}
