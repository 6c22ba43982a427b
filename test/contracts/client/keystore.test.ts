// Keys at rest: made once, the same at each opening, closed to others, and no error tells the password or the key.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encryptKeystoreJson, id, recoverAddress } from 'ethers';
import { describe, expect, it } from 'vitest';
import {
  keyFilesOf,
  openKeystore,
  openNodeKey,
  openOrMakeKeystore,
} from '../../../contracts/client/keystore.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
let folders = 0;
const freshFolder = () => join(folder, String(folders++));

describe('the keystore', () => {
  it('makes a key at the first opening and gives the same at the second', async () => {
    const dataDir = freshFolder();
    const first = await openNodeKey(dataDir);
    const second = await openNodeKey(dataDir);
    expect(first.address).toMatch(/^0x[0-9a-f]{40}$/);
    expect(second.address).toBe(first.address);
    const digest = id('a receipt');
    const signature = await first.signDigest(digest);
    expect(signature).toMatch(/^0x[0-9a-f]{128}(1b|1c)$/);
    expect(recoverAddress(digest, signature).toLowerCase()).toBe(first.address);
  });

  it('writes files of mode 0600 in a folder of mode 0700 and leaves nothing else there', async () => {
    const dataDir = freshFolder();
    await openNodeKey(dataDir);
    const mode = (path: string) => statSync(join(dataDir, path)).mode & 0o777;
    expect(readdirSync(join(dataDir, 'keys')).sort()).toEqual(['node.json', 'password']);
    expect([mode('keys'), mode('keys/node.json'), mode('keys/password')]).toEqual([0o700, 0o600, 0o600]);
  });

  it('makes one key when 8 open it at once', async () => {
    const dataDir = freshFolder();
    const keys = await Promise.all(Array.from({ length: 8 }, () => openNodeKey(dataDir)));
    expect(new Set(keys.map(({ address }) => address)).size).toBe(1);
  });

  it('refuses a wrong password, saying which file and not what was in it', async () => {
    const files = keyFilesOf(freshFolder(), 'poster');
    await openOrMakeKeystore(files);
    writeFileSync(files.passwordFile, 'not-the-password');
    const fault = await openKeystore(files).catch((error) => error);
    expect(fault).toMatchObject({ code: 'key_unusable', retry: 'never' });
    expect(fault.message).toBe(`the password does not open the keystore ${files.keystore}`);
    expect(JSON.stringify(fault) + fault.stack).not.toContain('not-the-password');
    expect(fault.cause).toBeUndefined();
  });

  it('refuses a password file or keystore that others can read', async () => {
    const files = keyFilesOf(freshFolder(), 'poster');
    await openOrMakeKeystore(files);
    for (const path of [files.passwordFile, files.keystore]) {
      chmodSync(path, 0o640);
      await expect(openKeystore(files)).rejects.toThrow(/can be read by others: give it mode 0600/);
      chmodSync(path, 0o600);
    }
    await expect(openKeystore(files)).resolves.toBeDefined();
  });

  it('refuses a missing, an empty and a damaged file, each by its name', async () => {
    const files = keyFilesOf(freshFolder(), 'poster');
    await expect(openKeystore(files)).rejects.toThrow(/password file .* is missing/);
    await openOrMakeKeystore(files);
    const whole = readFileSync(files.keystore, 'utf8');
    writeFileSync(files.keystore, whole.slice(0, 100));
    await expect(openKeystore(files)).rejects.toThrow(/is no keystore/);
    writeFileSync(files.keystore, '{"version": 3}');
    await expect(openKeystore(files)).rejects.toThrow(/damaged or of an unknown kind/);
    writeFileSync(files.keystore, '');
    await expect(openKeystore(files)).rejects.toThrow(/is empty/);
  });

  it('opens a keystore that another program made with its own scrypt figure', async () => {
    const files = keyFilesOf(freshFolder(), 'poster');
    await openOrMakeKeystore(files);
    const privateKey = id('a key from elsewhere');
    const { computeAddress } = await import('ethers');
    const address = computeAddress(privateKey);
    const password = readFileSync(files.passwordFile, 'utf8').trim();
    const json = await encryptKeystoreJson({ address, privateKey }, password, { scrypt: { N: 2048 } });
    writeFileSync(files.keystore, json);
    expect((await openKeystore(files)).address).toBe(address.toLowerCase());
  });
});
