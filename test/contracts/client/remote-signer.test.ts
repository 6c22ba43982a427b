// The key service: a proper one signs; one that lies, refuses, breaks or sends its callers elsewhere is not believed.

import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { id, recoverAddress } from 'ethers';
import { afterAll, describe, expect, it } from 'vitest';
import { privateKeySigner } from '../../../contracts/client/digest-signer.ts';
import { connectRemoteSigner } from '../../../contracts/client/remote-signer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, 'let-me-in\n', { mode: 0o600 });
const key = privateKeySigner(id('the key in the service'));
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

type Answer = (body: { readonly digest?: string }) => Promise<unknown> | unknown;
const servers: ReturnType<typeof createServer>[] = [];
afterAll(() => servers.forEach((server) => void server.close()));

/** A stand-in for a key service that speaks the documented interface; `sign` may misbehave. */
async function service(
  sign: Answer,
  more: { readonly handle?: (request: IncomingMessage, response: ServerResponse) => boolean } = {},
): Promise<string> {
  const server = createServer(async (request, response) => {
    if (more.handle?.(request, response)) return;
    if (request.headers.authorization !== 'Bearer let-me-in') return void response.writeHead(401).end();
    let text = '';
    for await (const chunk of request) text += chunk;
    const answer = request.method === 'GET' ? { address: key.address } : await sign(JSON.parse(text));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/sign`;
}

const honest: Answer = async ({ digest = '' }) => ({ signature: await key.signDigest(digest) });
const digest = id('a transaction');

describe('the remote signer', () => {
  it('signs with the key of the service', async () => {
    const signer = await connectRemoteSigner({ url: await service(honest), tokenFile });
    expect(signer.address).toBe(key.address);
    expect(recoverAddress(digest, await signer.signDigest(digest)).toLowerCase()).toBe(key.address);
  });

  it('takes v as 0 or 1 too', async () => {
    const sign: Answer = async ({ digest: asked = '' }) => {
      const signature = await key.signDigest(asked);
      return { signature: signature.slice(0, -2) + (signature.endsWith('1b') ? '00' : '01') };
    };
    const signer = await connectRemoteSigner({ url: await service(sign), tokenFile });
    expect(await signer.signDigest(digest)).toBe(await key.signDigest(digest));
  });

  it.each<[string, Answer]>([
    [
      'another key',
      async ({ digest: asked = '' }) => ({
        signature: await privateKeySigner(id('another')).signDigest(asked),
      }),
    ],
    ['another digest', async () => ({ signature: await key.signDigest(id('something else')) })],
    [
      'an s in the upper half',
      async ({ digest: asked = '' }) => {
        const signature = await key.signDigest(asked);
        const s = (ORDER - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0');
        return { signature: signature.slice(0, 66) + s + (signature.endsWith('1b') ? '1c' : '1b') };
      },
    ],
    ['a short one', async () => ({ signature: '0x1234' })],
    ['none at all', async () => ({})],
  ])('refuses a signature that is %s', async (_what, sign) => {
    const signer = await connectRemoteSigner({ url: await service(sign), tokenFile });
    await expect(signer.signDigest(digest)).rejects.toMatchObject({ code: 'signer_refused', retry: 'never' });
  });

  it('refuses at once when the token is wrong, and tells nobody the token', async () => {
    const wrong = join(folder, 'wrong-token');
    writeFileSync(wrong, 'open-sesame', { mode: 0o600 });
    const fault = await connectRemoteSigner({ url: await service(honest), tokenFile: wrong }).catch((e) => e);
    expect(fault).toMatchObject({ code: 'signer_refused', retry: 'never' });
    expect(fault.message + fault.stack).not.toContain('open-sesame');
  });

  it('says that it may be asked again when the service breaks, is silent or gone', async () => {
    let broken: 'no' | 'yes' | 'silent' = 'no';
    const url = await service(honest, {
      handle(_request, response) {
        if (broken === 'yes') response.writeHead(503).end();
        return broken !== 'no';
      },
    });
    const signer = await connectRemoteSigner({ url, tokenFile, timeoutMs: 200 });
    broken = 'yes';
    await expect(signer.signDigest(digest)).rejects.toMatchObject({
      code: 'signer_unreachable',
      retry: 'after',
    });
    broken = 'silent';
    await expect(signer.signDigest(digest)).rejects.toMatchObject({
      code: 'signer_unreachable',
      retry: 'after',
    });
    const gone = connectRemoteSigner({ url: 'http://127.0.0.1:1/', tokenFile });
    await expect(gone).rejects.toMatchObject({ code: 'signer_unreachable', retry: 'after' });
  });

  it('follows no redirect, so that the token goes to nobody else', async () => {
    let told: string | undefined;
    const elsewhere = await service(honest, {
      handle(request) {
        told = request.headers.authorization;
        return false;
      },
    });
    const url = await service(honest, {
      handle(_request, response) {
        response.writeHead(307, { location: elsewhere }).end();
        return true;
      },
    });
    await expect(connectRemoteSigner({ url, tokenFile })).rejects.toMatchObject({
      code: 'signer_unreachable',
    });
    expect(told).toBeUndefined();
  });
});
