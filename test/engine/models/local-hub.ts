// A strict Hugging Face hub on this machine for the tests of pulling: the API answer, small files from the hub itself,
// large ones by redirect from another origin, ranges, and faults to order. What a real hub would not answer is refused
// and recorded in `violations`; every byte of a file that leaves is counted. The token must never reach the storage.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubFault {
  /** where: the API answer, a small file at the hub, or a large one at the storage */
  readonly at: 'api' | 'hub' | 'storage';
  /** of one file only */
  readonly path?: string;
  /** Answer with this instead. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Send this many bytes, wait for `meanwhile`, and break the connection. */
  readonly bytes?: number;
  readonly meanwhile?: () => Promise<void>;
  /** Send other bytes of the same length. */
  readonly flip?: boolean;
  /** Send all bytes although a range was asked for. */
  readonly ignoreRange?: boolean;
}

export interface LocalRepo {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly gated?: boolean;
  readonly licence?: string;
}

export interface LocalHub {
  readonly endpoint: string;
  readonly repos: Map<string, LocalRepo>;
  /** Used up in order, each by the first request it fits. */
  readonly faults: HubFault[];
  readonly violations: string[];
  /** bytes of each file that left, whatever became of them */
  readonly served: Map<string, number>;
  /** `GET /path from=N` of everything that was asked */
  readonly requests: string[];
  close(): Promise<void>;
}

/** The token that opens gated repositories. */
export const goodToken = 'hf_test_secret_of_the_reader';

const lfsFrom = 4096;
const sha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const isLfs = (path: string, bytes: Uint8Array): boolean =>
  bytes.length > lfsFrom || path.endsWith('.safetensors');

/** The commit that a repository's files make. */
export function commitOf({ files }: LocalRepo): string {
  const hash = createHash('sha1');
  for (const [path, bytes] of files) hash.update(path).update(sha256(bytes));
  return hash.digest('hex');
}

export async function startLocalHub(): Promise<LocalHub> {
  const repos = new Map<string, LocalRepo>();
  const faults: HubFault[] = [];
  const violations: string[] = [];
  const served = new Map<string, number>();
  const requests: string[] = [];

  const takeFault = (at: HubFault['at'], path?: string): HubFault | undefined => {
    const index = faults.findIndex((fault) => fault.at === at && (fault.path ?? path) === path);
    return index < 0 ? undefined : faults.splice(index, 1)[0];
  };
  const refuse = (response: ServerResponse, status: number, code: string): void => {
    response.writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: code }));
  };
  const violate = (response: ServerResponse, what: string): void => {
    violations.push(what);
    response.writeHead(400).end();
  };
  /** True when the request was answered by a fault. */
  const answeredByFault = (response: ServerResponse, fault: HubFault | undefined): boolean => {
    if (fault?.status === undefined) return false;
    response.writeHead(fault.status, fault.headers).end();
    return true;
  };

  const sendFile = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    bytes: Uint8Array,
    fault: HubFault | undefined,
  ): Promise<void> => {
    const range = fault?.ignoreRange ? undefined : request.headers.range;
    const from = range === undefined ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
    if (Number.isNaN(from)) return violate(response, `range ${range}`);
    if (from >= bytes.length && bytes.length > 0) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    response.writeHead(range === undefined ? 200 : 206, {
      'content-length': bytes.length - from,
      'accept-ranges': 'bytes',
      ...(range === undefined
        ? {}
        : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const all = fault?.flip ? bytes.map((byte) => byte ^ 1) : bytes;
    const sent = all.subarray(from, fault?.bytes === undefined ? undefined : from + fault.bytes);
    served.set(path, (served.get(path) ?? 0) + sent.length);
    if (fault?.bytes === undefined) {
      response.end(sent);
      return;
    }
    response.write(sent);
    await fault.meanwhile?.();
    request.socket.destroy();
  };

  const storage = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://storage');
    const [, repo, path] = /^\/([^/]+\/[^/]+)\/(.+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    requests.push(`storage ${path} ${request.headers.range ?? 'all'}`);
    if (request.headers.authorization !== undefined)
      return violate(response, 'the token was sent to the storage');
    if (url.searchParams.get('signature') !== 'good') return violate(response, 'storage without a signature');
    const bytes = repos.get(repo ?? '')?.files.get(path ?? '');
    if (bytes === undefined) return violate(response, `storage has no ${url.pathname}`);
    const fault = takeFault('storage', path);
    if (!answeredByFault(response, fault)) void sendFile(request, response, path, bytes, fault);
  });

  const hub = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://hub');
    const pathname = decodeURIComponent(url.pathname);
    requests.push(`hub ${pathname}`);
    if (request.method !== 'GET') return violate(response, `method ${request.method}`);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(pathname);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(pathname);
    const name = api?.[1] ?? file?.[1];
    if (name === undefined) return violate(response, `hub has no ${pathname}`);
    const fault = takeFault(api ? 'api' : 'hub', file?.[3]);
    if (answeredByFault(response, fault)) return;
    const repo = repos.get(name);
    const isReader = request.headers.authorization === `Bearer ${goodToken}`;
    // As the hub does: who may not know whether a name exists hears 401, a reader 404.
    if (repo === undefined) return refuse(response, isReader ? 404 : 401, 'RepoNotFound');
    const commit = commitOf(repo);
    if (api) {
      if (url.searchParams.get('blobs') !== 'true') return violate(response, 'API asked without blobs=true');
      if (api[2] !== 'main' && api[2] !== commit) return refuse(response, 404, 'RevisionNotFound');
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(answerOf(name, repo)));
      return;
    }
    if (repo.gated && !isReader)
      return refuse(response, request.headers.authorization === undefined ? 401 : 403, 'GatedRepo');
    const [, , asked, path] = file ?? [];
    const bytes = repo.files.get(path);
    if (asked !== commit || bytes === undefined) return refuse(response, 404, 'EntryNotFound');
    if (isLfs(path, bytes)) {
      const target = `${originOf(storage)}/${name}/${encodeURIComponent(path)}?signature=good`;
      response.writeHead(302, { location: target, 'x-linked-etag': `"${sha256(bytes)}"` }).end();
    } else void sendFile(request, response, path, bytes, fault);
  });

  await Promise.all([listen(hub), listen(storage)]);
  return {
    endpoint: originOf(hub),
    repos,
    faults,
    violations,
    served,
    requests,
    close: async () => {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** What GET /api/models/{name}/revision/{revision}?blobs=true answers, with fields that a client should not mind. */
function answerOf(name: string, repo: LocalRepo): unknown {
  return {
    _id: '6650a1',
    id: name,
    modelId: name,
    private: false,
    gated: repo.gated ? 'auto' : false,
    sha: commitOf(repo),
    ...(repo.licence === undefined ? {} : { cardData: { license: repo.licence, language: ['en'] } }),
    siblings: [...repo.files].map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      blobId: sha1(bytes),
      ...(isLfs(rfilename, bytes)
        ? { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 134 } }
        : {}),
    })),
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
