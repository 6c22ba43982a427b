// An HTTP proxy before a node that can be told to fail: gone, broken, silent, or answering one method as a test wants. Used by
// test-chain.ts and the tests of the chain client. It counts what was asked.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the proxy does with a request. */
export type ProxyMode = 'pass' | 'gone' | 'broken' | 'silent' | 'overloaded';

export interface RpcProxy {
  readonly url: string;
  /** Methods that were asked, in order; a batch counts each. */
  readonly asked: string[];
  mode: ProxyMode;
  /** Fails only this many requests, then passes again. */
  failNext(mode: Exclude<ProxyMode, 'pass'>, times: number): void;
  /** Answers instead of the node when it gives something: `{ result }` or `{ error }`. */
  intercept: ((method: string, params: readonly unknown[]) => object | undefined) | undefined;
  close(): Promise<void>;
}

export async function rpcProxy(target: string): Promise<RpcProxy> {
  let remaining = 0;
  const held = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: unknown[] };
    proxy.asked.push(method);
    const { mode } = proxy;
    if (mode !== 'pass' && remaining > 0 && --remaining === 0) proxy.mode = 'pass';
    if (mode === 'gone') return void request.socket.destroy();
    if (mode === 'silent') return void held.add(response);
    if (mode === 'broken') return void response.writeHead(502).end('<html>bad gateway</html>');
    if (mode === 'overloaded') return void response.writeHead(429, { 'retry-after': '0' }).end('{}');
    const own = proxy.intercept?.(method, params);
    if (own !== undefined) return void response.end(JSON.stringify({ jsonrpc: '2.0', id, ...own }));
    try {
      const answer = await fetch(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: RpcProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    mode: 'pass',
    failNext(mode, times) {
      remaining = times;
      proxy.mode = mode;
    },
    intercept: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
