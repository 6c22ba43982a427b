// The way to a node: what may pass is tried again, what is refused is not, and no message tells the key in the address.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonRpc, RpcRefusal } from '../../../contracts/client/json-rpc.ts';
import { type RpcProxy, rpcProxy } from '../../support/rpc-proxy.ts';

let proxy: RpcProxy;
let seen: IncomingMessage | undefined;
const node = createServer((request, response) => {
  seen = request;
  request.resume();
  request.on('end', () => response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: '0x7' })));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  proxy = await rpcProxy(nodeUrl());
});
afterAll(async () => {
  await proxy.close();
  node.closeAllConnections();
  node.close();
});

const nodeUrl = () => `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
const client = (more: object = {}) => jsonRpc(proxy.url, { tries: 4, pauseMs: 1, ...more });
/** How often the node was asked while `work` ran. */
async function askedDuring(work: () => Promise<unknown>): Promise<number> {
  const before = proxy.asked.length;
  await work().catch(() => undefined);
  return proxy.asked.length - before;
}

describe('the JSON-RPC client', () => {
  it.each(['gone', 'broken', 'overloaded'] as const)(
    'answers after 3 failures of a node that is %s',
    async (mode) => {
      proxy.failNext(mode, 3);
      expect(await client().call('eth_blockNumber')).toBe('0x7');
    },
  );

  it('gives up after 4 tries and says that it may be tried again later', async () => {
    proxy.failNext('gone', 4);
    const rpc = client();
    let fault: unknown;
    const asked = await askedDuring(() => rpc.call('eth_blockNumber').catch((error) => (fault = error)));
    expect(asked).toBe(4);
    expect(fault).toMatchObject({ code: 'chain_unreachable', retry: 'after' });
    proxy.mode = 'pass';
  });

  it('does not wait for ever for a silent node', async () => {
    proxy.failNext('silent', 1);
    const rpc = client({ timeoutMs: 50, tries: 2 });
    expect(await rpc.call('eth_blockNumber')).toBe('0x7');
  });

  it('asks once when the node refuses, and gives its code, words and data', async () => {
    proxy.intercept = () => ({ error: { code: 3, message: 'execution reverted', data: '0xAB' } });
    let fault: unknown;
    const asked = await askedDuring(() =>
      client()
        .call('eth_call')
        .catch((error) => (fault = error)),
    );
    proxy.intercept = undefined;
    expect(asked).toBe(1);
    expect(fault).toBeInstanceOf(RpcRefusal);
    expect(fault).toMatchObject({
      code: 'chain_refused',
      retry: 'never',
      rpcCode: 3,
      said: 'execution reverted',
      data: '0xab',
    });
  });

  it.each([
    [-32005, 'daily request count exceeded, request rate limited'],
    [-32000, 'request timed out'],
    [429, 'Too Many Requests'],
  ])('tries again when the node says %i "%s"', async (code, message) => {
    let failures = 2;
    proxy.intercept = () => (failures-- > 0 ? { error: { code, message } } : undefined);
    expect(await client().call('eth_blockNumber')).toBe('0x7');
    proxy.intercept = undefined;
  });

  it.each([
    [-32005, 'query returned more than 10000 results'],
    [-32005, 'block range is too wide'],
  ])('does not try again what only a narrower question helps: %i "%s"', async (code, message) => {
    proxy.intercept = () => ({ error: { code, message } });
    expect(await askedDuring(() => client().call('eth_getLogs'))).toBe(1);
    proxy.intercept = undefined;
  });

  it('takes an answer that is no JSON-RPC for a broken node', async () => {
    proxy.intercept = () => ({ neither: 1 });
    const fault = await client({ tries: 2 })
      .call('eth_blockNumber')
      .catch((error) => error);
    proxy.intercept = undefined;
    expect(fault).toMatchObject({ code: 'chain_unreachable', retry: 'after' });
  });

  it('sends user and password of an address as a header, and tells neither them nor the path', async () => {
    const url = nodeUrl().replace('http://', 'http://user:s%40cret@');
    expect(await jsonRpc(`${url}/v3/my-api-key`).call('eth_blockNumber')).toBe('0x7');
    expect(seen?.headers.authorization).toBe(`Basic ${Buffer.from('user:s@cret').toString('base64')}`);
    expect(seen?.url).toBe('/v3/my-api-key');
    const dead = jsonRpc('http://user:s%40cret@127.0.0.1:1/v3/my-api-key', { tries: 1 });
    const fault = (await dead.call('eth_blockNumber').catch((error: unknown) => error)) as Error;
    expect(fault.message).toBe('127.0.0.1:1 does not answer');
    expect(`${fault.stack}${JSON.stringify(fault)}`).not.toMatch(/my-api-key|cret/);
  });

  it('ends its calls and pauses when it is closed', async () => {
    proxy.mode = 'silent';
    const rpc = client({ timeoutMs: 60_000 });
    const call = rpc.call('eth_blockNumber').catch((error) => error);
    const pausing = client({ pauseMs: 60_000 });
    proxy.mode = 'broken';
    const waiting = pausing.call('eth_blockNumber').catch((error) => error);
    await expect.poll(() => proxy.asked.length).toBeGreaterThan(1);
    rpc.close();
    pausing.close();
    expect(await call).toMatchObject({ code: 'chain_unreachable' });
    expect(await waiting).toMatchObject({ code: 'chain_unreachable' });
    proxy.mode = 'pass';
  });
});
