// JSON-RPC over HTTP with timeouts and retries: the only way from this program to a node. Used by everything in
// contracts/client, by the deployment and the local chain. Not ethers' provider: that batches, polls and caches, and answers
// of a moment ago are what a reorg turns into lies.
// What may pass (no connection, timeout, HTTP 408, 429 and 5xx, a node that says it is busy) is tried again with growing
// pauses; a refusal is thrown at once. The address may hold a key: no message shows more of it than the host.
import { setTimeout as sleep } from 'node:timers/promises';
import { ChainFault, type Hex } from './chain.ts';

export interface Rpc {
  /** The host, for messages. */
  readonly host: string;
  /** @throws RpcRefusal when the node says no; ChainFault `chain_unreachable` when there is no usable answer */
  call(method: string, params?: readonly unknown[]): Promise<unknown>;
  /** Ends calls that are under way. */
  close(): void;
}

interface RpcOptions {
  readonly timeoutMs?: number;
  /** Tries in all, the first included. */
  readonly tries?: number;
  /** Pause after the first failure; each further one is twice as long. */
  readonly pauseMs?: number;
}

const TIMEOUT_MS = 15_000;
const TRIES = 4;
const PAUSE_MS = 250;
const RETRY_AFTER_MAX_MS = 5_000;

/** The node answered with an error: what it said, and the data of a revert. */
export class RpcRefusal extends ChainFault {
  readonly rpcCode: number;
  /** The node's own words. */
  readonly said: string;
  readonly data: Hex | undefined;
  constructor(method: string, rpcCode: number, said: string, data: Hex | undefined) {
    super('chain_refused', `the chain's node refuses ${method}: ${said} (${rpcCode})`, 'never');
    this.rpcCode = rpcCode;
    this.said = said;
    this.data = data;
  }
}

/** Connects to nothing yet: each call is a request of its own. `url` may hold `user:password@`. */
export function jsonRpc(url: string, options: RpcOptions = {}): Rpc {
  const { timeoutMs = TIMEOUT_MS, tries = TRIES, pauseMs = PAUSE_MS } = options;
  const { address, host, headers } = splitUrl(url);
  const closed = new AbortController();
  let nextId = 1;

  async function once(method: string, params: readonly unknown[]): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(address, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params }),
        redirect: 'error',
        signal: AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]),
      });
      text = await response.text();
    } catch (cause) {
      throw unreachable(`${host} does not answer`, cause);
    }
    const { status } = response;
    const answer = parse(text);
    const refusal = refusalIn(answer);
    if (status === 429 || status === 408 || status >= 500 || (refusal && isPassing(refusal)))
      throw new Passing(
        `${host} is overloaded or broken (HTTP ${status}${refusal ? `, ${refusal.message}` : ''})`,
        Number(response.headers.get('retry-after') ?? 0) * 1000,
      );
    if (refusal) throw new RpcRefusal(method, refusal.code, refusal.message, refusal.data);
    if (status === 401 || status === 403)
      throw new ChainFault(
        'chain_refused',
        `${host} refuses us (HTTP ${status}): is the key in CHAIN_RPC_URL right?`,
        'never',
      );
    if (status !== 200 || answer === undefined || !('result' in answer))
      throw unreachable(`${host} gives no JSON-RPC answer (HTTP ${status})`);
    return answer.result;
  }

  return {
    host,
    async call(method, params = []) {
      for (let failures = 1; ; failures++) {
        try {
          return await once(method, params);
        } catch (error) {
          const passing = error instanceof ChainFault && error.code === 'chain_unreachable';
          if (!passing || failures >= tries || closed.signal.aborted) throw error;
          const wanted = error instanceof Passing ? Math.min(error.retryAfterMs, RETRY_AFTER_MAX_MS) : 0;
          const pause = Math.max(wanted, pauseMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2));
          await sleep(pause, undefined, { signal: closed.signal }).catch(() => {
            throw error;
          });
        }
      }
    },
    close: () => closed.abort(new Error('the chain client was closed')),
  };
}

class Passing extends ChainFault {
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super('chain_unreachable', message, 'after');
    this.retryAfterMs = Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
  }
}

function unreachable(message: string, cause?: unknown): ChainFault {
  return new ChainFault('chain_unreachable', message, 'after', { cause });
}

/** fetch takes no credentials in an address: they become a header. */
function splitUrl(url: string): { address: string; host: string; headers: Record<string, string> } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ChainFault('chain_setting', 'CHAIN_RPC_URL: an address like http://host:8545', 'never');
  }
  const { username, password, host } = parsed;
  const headers: Record<string, string> = {};
  if (username !== '' || password !== '') {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    parsed.username = '';
    parsed.password = '';
  }
  return { address: parsed.href, host, headers };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly data: Hex | undefined;
}

function refusalIn(answer: Readonly<Record<string, unknown>> | undefined): Refusal | undefined {
  const error = answer?.error;
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, message, data } = error as Readonly<Record<string, unknown>>;
  // nodes differ in where the data of a revert is
  const inner = typeof data === 'object' && data !== null ? (data as { readonly data?: unknown }).data : data;
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message.slice(0, 300) : 'no reason given',
    data: typeof inner === 'string' && /^0x[0-9a-f]*$/i.test(inner) ? inner.toLowerCase() : undefined,
  };
}

/** -32005 is "limit exceeded" (EIP-1474), but some nodes say it of a block range that is too wide: asking again does not help. */
function isPassing({ code, message }: Refusal): boolean {
  if (/range|results|logs|block span/i.test(message)) return false;
  return (
    code === -32005 ||
    code === 429 ||
    /rate limit|too many requests|capacity|try again|timed? ?out|busy/i.test(message)
  );
}
