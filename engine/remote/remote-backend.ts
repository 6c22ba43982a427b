// Serving by another machine: vLLM, SGLang, llama.cpp's server or our own, through their OpenAI-compatible API. Used by
// bots/main.ts. It knows no people and no money. What differs between the servers is in their dialects.
// Invariants: an aborted or left answer ends its HTTP request; a fault before the first token is `safe` to retry and
// names why; one after it is `remote_broken_off`; the usage is what the server metered.
import type { ChatMessage, GenerateRequest, ServingBackend } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { brokenOff, unreachable } from './errors.ts';
import { llamacppDialect } from './llamacpp-dialect.ts';
import { openmodelsDialect } from './openmodels-dialect.ts';
import {
  type DialectName,
  type DialectOptions,
  detectDialect,
  type RemoteDialect,
  remoteModels,
} from './remote-dialect.ts';
import { fitRemote } from './remote-fit.ts';
import { createRemoteHttp } from './remote-http.ts';
import { remoteStream } from './remote-stream.ts';
import { sglangDialect } from './sglang-dialect.ts';
import { parseSse } from './sse-parser.ts';
import { vllmDialect } from './vllm-dialect.ts';

interface RemoteBackendOptions {
  /** http://host:port, with or without /v1. */
  readonly url: string;
  readonly key?: string;
  /** Left out = found out. */
  readonly dialect?: DialectName;
  /** An adapter's folder here -> as the server sees it. Left out = the same path. */
  readonly serverDir?: (dir: string) => string;
  /** Tokens of the rendered conversation, for servers that cannot count. */
  readonly countLocally?: (messages: readonly ChatMessage[]) => Promise<number>;
  /** A stream that says nothing for so long has broken off; waiting in a queue counts. */
  readonly silenceMsMax?: number;
  readonly answerMsMax?: number;
  readonly loadMsMax?: number;
}

const defaults = { silenceMsMax: 120_000, answerMsMax: 15_000, loadMsMax: 120_000 } as const;

/** @throws EngineError when the server cannot be reached or is of no known kind */
export async function createRemoteBackend(options: RemoteBackendOptions): Promise<ServingBackend> {
  const { url, key, countLocally, serverDir = (dir) => dir } = options;
  const { silenceMsMax, answerMsMax, loadMsMax } = { ...defaults, ...withoutUndefined(options) };
  const http = createRemoteHttp({ url, key, answerMsMax });
  const models = await remoteModels(http);
  const dialect = await dialectOf(options.dialect ?? detectDialect(models), {
    http,
    models,
    serverDir,
    loadMsMax,
  });
  const { contextTokens } = dialect;
  const closing = new AbortController();

  const countPromptTokens = async (messages: readonly ChatMessage[]): Promise<number> => {
    try {
      return await dialect.count(messages);
    } catch (error) {
      if (countLocally === undefined || !(error instanceof EngineError) || error.retry !== 'never')
        throw error;
      return await countLocally(messages);
    }
  };

  const generate: ServingBackend['generate'] = async function* (request, signal) {
    const { deadlineMs } = request;
    const closed = new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' });
    if (closing.signal.aborted) throw closed;
    const deadline =
      deadlineMs === undefined ? undefined : AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs)));
    const leaving = new AbortController();
    const causes = [leaving.signal, closing.signal, signal, deadline].filter((cause) => cause !== undefined);
    const ended = AbortSignal.any(causes);
    let silence: NodeJS.Timeout | undefined;
    let soFar = { text: '', usage: { promptTokens: 0, completionTokens: 0 } };
    try {
      if (signal?.aborted) return yield { type: 'done', reason: 'cancelled', ...soFar };
      const { body, path, promptTokens, droppedMessages } = await unlessEnded(prepared(request), ended);
      const silent = new Error(`nothing came for ${silenceMsMax} ms`);
      silence = setTimeout(() => leaving.abort(silent), silenceMsMax);
      const bytes = await opened(path, body, request, ended);
      const sse = parseSse(eachOf(bytes, () => silence?.refresh()));
      const stream = remoteStream({ sse, promptTokens, droppedMessages });
      try {
        for await (const event of stream.events) {
          yield event;
          soFar = stream.soFar();
        }
      } catch (error) {
        soFar = stream.soFar();
        throw error;
      }
    } catch (error) {
      // Which of the ends it was; the server's fault only when it was none of ours.
      if (closing.signal.aborted) throw closed;
      if (signal?.aborted) return yield { type: 'done', reason: 'cancelled', ...soFar };
      if (deadline?.aborted) {
        if (soFar.text !== '') return yield { type: 'done', reason: 'deadline', ...soFar };
        throw new EngineError(`no answer began within ${deadlineMs} ms`, {
          code: 'deadline_exceeded',
          retry: 'after',
          cause: error,
        });
      }
      if (error instanceof EngineError) throw error;
      const why = leaving.signal.aborted ? leaving.signal.reason : error;
      throw soFar.text === '' ? unreachable(http.root, why) : brokenOff(why);
    } finally {
      clearTimeout(silence);
      leaving.abort();
    }
  };

  return {
    generate,
    countPromptTokens,
    contextTokens,
    loadAdapter: (adapter) => dialect.load(adapter),
    prefetchAdapter: (adapter) => void dialect.load(adapter).catch(() => undefined),
    adapterState: (adapter) => dialect.state(adapter),
    close: async () => closing.abort(),
  };

  /** Body and address of the request: it fits the context, and its adapter is on the server. */
  async function prepared(request: GenerateRequest): Promise<{
    readonly body: object;
    readonly path: string;
    readonly promptTokens: () => Promise<number>;
    readonly droppedMessages: number;
  }> {
    const { prompt, messages, maxTokens, sampling } = request;
    const common = { ...bodyOf(request), ...dialect.extras(request) };
    if (prompt !== undefined) {
      const count = async (): Promise<number> =>
        typeof prompt === 'string' ? await dialect.count(prompt) : prompt.length;
      const atMost = typeof prompt === 'string' ? Buffer.byteLength(prompt) + 1 : prompt.length;
      const room =
        contextTokens - (atMost + maxTokens <= contextTokens || dialect.fitsItself ? 0 : await count());
      const logprobs = sampling.logprobs === undefined ? {} : { logprobs: sampling.logprobs };
      const body = { ...common, prompt, max_tokens: Math.max(1, Math.min(maxTokens, room)), ...logprobs };
      return { body, path: '/v1/completions', promptTokens: count, droppedMessages: 0 };
    }
    const whole = { messages, maxTokens, promptTokens: undefined, droppedMessages: 0 };
    const fit = dialect.fitsItself
      ? whole
      : await fitRemote({ messages, maxTokens, contextTokens, count: countPromptTokens });
    const logprobs =
      sampling.logprobs === undefined ? {} : { logprobs: true, top_logprobs: sampling.logprobs };
    return {
      body: { ...common, messages: fit.messages, max_tokens: fit.maxTokens, ...logprobs },
      path: '/v1/chat/completions',
      promptTokens: async () => fit.promptTokens ?? (await countPromptTokens(fit.messages)),
      droppedMessages: fit.droppedMessages,
    };
  }

  /** A server that was restarted has forgotten its adapters: it is told once more. */
  async function opened(path: string, body: object, { adapter }: GenerateRequest, ended: AbortSignal) {
    try {
      return await http.stream(
        path,
        { ...body, ...(await unlessEnded(dialect.chosen(adapter), ended)) },
        ended,
      );
    } catch (error) {
      const forgotten = error instanceof EngineError && error.code === 'remote_not_found';
      if (!forgotten || adapter === undefined || ended.aborted) throw error;
      dialect.forget(adapter);
      return await http.stream(
        path,
        { ...body, ...(await unlessEnded(dialect.chosen(adapter), ended)) },
        ended,
      );
    }
  }
}

/** What all servers read alike. */
function bodyOf({ sampling }: GenerateRequest): object {
  return {
    temperature: sampling.temperature,
    stop: sampling.stop,
    seed: sampling.seed,
    logit_bias: sampling.logitBias,
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
}

async function dialectOf(name: DialectName, options: DialectOptions): Promise<RemoteDialect> {
  switch (name) {
    case 'openmodels':
      return openmodelsDialect(options);
    case 'vllm':
      return vllmDialect(options);
    case 'sglang':
      return sglangDialect(options);
    case 'llamacpp':
      return await llamacppDialect(options);
  }
}

/** The same bytes, each part told of. */
async function* eachOf(
  bytes: AsyncIterable<Uint8Array>,
  tell: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const part of bytes) {
    tell();
    yield part;
  }
}

/** What the promise gives; fails at once when the answer is ended meanwhile. */
async function unlessEnded<T>(promise: Promise<T>, ended: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(ended.reason);
  if (ended.aborted) abort();
  ended.addEventListener('abort', abort, { once: true });
  promise.catch(() => undefined); // whoever shares it hears of it; here the end came first
  return await Promise.race([promise, aborted.promise]).finally(() =>
    ended.removeEventListener('abort', abort),
  );
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
