// The address at which wallets reach the local chain: passes the questions and signed transactions of a wallet on to anvil, and
// nothing else. Used by local-chain.ts. Needed because anvil's own port also takes commands (set a balance, rewind, reset):
// any page in the browser could give them, and a coin set by command would be credited like a real one.
// Invariants: loopback only; a method that is not listed here never reaches anvil.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Rpc } from '../client/json-rpc.ts';
import { RpcRefusal } from '../client/json-rpc.ts';

export interface WalletGate {
  readonly port: number;
  close(): Promise<void>;
}

const ALLOWED: ReadonlySet<string> = new Set([
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_sendRawTransaction',
  'eth_syncing',
  'net_version',
  'web3_clientVersion',
]);
const BODY_BYTES_MAX = 1_000_000;
const BATCH_MAX = 100;

/** Opens the gate at `port`, or at a free one when that is taken (0 = any). */
export async function openWalletGate(rpc: () => Rpc, port: number): Promise<WalletGate> {
  const server = createServer((request, response) => {
    serve(rpc, request, response).catch(() => response.destroy());
  });
  await listen(server, port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
    return listen(server, 0);
  });
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

async function serve(rpc: () => Rpc, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-allow-headers', 'content-type');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-private-network', 'true');
  if (request.method === 'OPTIONS') return void response.writeHead(204).end();
  if (request.method !== 'POST') return void response.writeHead(405).end();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) return void response.writeHead(413).end();
    chunks.push(chunk);
  }
  const answer = await answerTo(rpc, Buffer.concat(chunks).toString('utf8'));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

async function answerTo(rpc: () => Rpc, text: string): Promise<unknown> {
  let asked: unknown;
  try {
    asked = JSON.parse(text);
  } catch {
    return failure(null, -32700, 'this is no JSON');
  }
  if (!Array.isArray(asked)) return answerOne(rpc, asked);
  if (asked.length > BATCH_MAX) return failure(null, -32600, `at most ${BATCH_MAX} calls at once`);
  return Promise.all(asked.map((one) => answerOne(rpc, one)));
}

async function answerOne(rpc: () => Rpc, asked: unknown): Promise<unknown> {
  const { id = null, method, params = [] } = (asked ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof method !== 'string' || !Array.isArray(params)) return failure(id, -32600, 'this is no call');
  if (!ALLOWED.has(method))
    return failure(id, -32601, `the local chain does not take ${method} from wallets`);
  try {
    return { jsonrpc: '2.0', id, result: await rpc().call(method, params) };
  } catch (error) {
    if (!(error instanceof RpcRefusal)) return failure(id, -32603, 'the local chain does not answer');
    return failure(id, error.rpcCode, error.said, error.data);
  }
}

function failure(id: unknown, code: number, message: string, data?: string): unknown {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}
