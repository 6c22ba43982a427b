// Files that hold secrets: made once with mode 0600, never replaced, read only when nobody else may read them. Used by
// keystore.ts, remote-signer.ts and the local chain. No content ever reaches an error message.
// Invariant: a file is whole or not there (written aside, then linked to its name), also when two processes make it at once.
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ChainFault } from './chain.ts';
import { writeDurably } from './durable-file.ts';

/**
 * The trimmed text of a secret file.
 * @param what how a message calls it, e.g. 'the file of CHAIN_KEYSTORE_PASSWORD_FILE'
 * @throws ChainFault `key_unusable` when it is missing, empty, or open to other users of the machine
 */
export async function readSecretFile(path: string, what: string): Promise<string> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new ChainFault(
        'key_unusable',
        `${what} (${path}) can be read by others: give it mode 0600`,
        'never',
      );
    text = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    if (cause instanceof ChainFault) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is missing' : `cannot be read (${code ?? 'unknown reason'})`;
    throw new ChainFault('key_unusable', `${what} (${path}) ${why}`, 'never', { cause });
  }
  if (text === '') throw new ChainFault('key_unusable', `${what} (${path}) is empty`, 'never');
  return text;
}

/** Makes a secret file of what `make` gives, unless it is there. @returns what the file holds, whoever made it */
export async function keepSecretFile(
  path: string,
  what: string,
  make: () => Promise<string>,
): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) {
    await makePrivateFolder(dirname(path));
    const aside = `${path}.${randomBytes(6).toString('hex')}.partial`;
    await writeDurably(aside, `${await make()}\n`);
    try {
      await link(aside, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // somebody else was faster: theirs counts
    } finally {
      await rm(aside, { force: true });
    }
  }
  return readSecretFile(path, what);
}

/** Makes a folder that only we can enter; its parents get the usual mode, for others of this program live there too. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
}
