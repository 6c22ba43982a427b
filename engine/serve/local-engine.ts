// The engine on this machine: the face of engine.ts put together from its parts. Used by bots/main.ts and end-to-end
// tests. Serving and attribution run in a worker thread each, training and store building in niced child processes;
// this file only translates: messages to token ids, token events to text. It knows no people and no money.
// States: created (base model loaded) -> closed.
import { randomInt } from 'node:crypto';
import { createAttributeClient } from '../attribution/attribute-client.ts';
import { auditInChild } from '../attribution/audit/audit-process.ts';
import { buildStoreInChild } from '../attribution/build-store-process.ts';
import { retrievalShares } from '../attribution/retrieval/retrieval-shares.ts';
import { buildSpansInChild } from '../attribution/spans/build-spans-process.ts';
import { createSpansClient } from '../attribution/spans/spans-client.ts';
import type { Engine, GenerateRequest } from '../engine.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { evaluateAnswers } from '../train/answer-eval.ts';
import { createAnswerLoss } from '../train/answer-loss.ts';
import { createStepAside } from '../train/step-aside.ts';
import { trainAdapter } from '../train/train-adapter.ts';
import { answerStream } from './answer-stream.ts';
import { createLazyServeClient } from './lazy-serve-client.ts';
import { encodeBareText, fitPrompt } from './prompt-fit.ts';
import { longestTokenLength, rawPromptIds } from './raw-prompt.ts';
import {
  contextTokensUsual,
  createServeClient,
  type ServeClient,
  type ServeSettings,
} from './serve-client.ts';
import type { ServingInfo, ServingStats } from './serve-protocol.ts';
import { stopIdsOf } from './stop-ids.ts';

/** Settings of serving (device, weights, rows, memory, threads ...) have the defaults of serve-client.ts. */
interface LocalEngineOptions extends Omit<ServeSettings, 'onWorkerDeath' | 'onReady'> {
  /** Hugging Face folder of the base model. */
  readonly baseDir: string;
  /** One line about something unusual, such as a worker that died and was replaced. */
  readonly log?: (line: string) => void;
  /** True: the serving worker starts when it is first asked, for an engine whose answers come from elsewhere. */
  readonly servesLater?: boolean;
  /** One line about what serves, whenever a model is loaded. */
  readonly inform?: (line: string) => void;
}

/** @throws EngineError of loading the base model */
export async function createLocalEngine(options: LocalEngineOptions): Promise<Engine> {
  const { baseDir, servesLater, log = () => undefined, inform = () => undefined, ...settings } = options;
  const config = loadModelConfig(baseDir);
  const tokenizer = loadTokenizer(baseDir);
  const template = loadChatTemplate(baseDir, tokenizer);
  const charactersPerTokenMax = longestTokenLength(baseDir);
  const startServing = (): Promise<ServeClient> =>
    createServeClient({
      ...settings,
      modelDir: baseDir,
      onReady: (info) => inform(servingLine(info)),
      onWorkerDeath: (cause) => log(`the serving worker died and is replaced: ${String(cause)}`),
    });
  const serving = servesLater
    ? createLazyServeClient(
        startServing,
        Math.min(config.maxSeq, settings.contextTokensMax ?? contextTokensUsual),
      )
    : await startServing();
  const attribution = createAttributeClient({ modelDir: baseDir });
  const spans = createSpansClient();
  const stopIds = stopIdsOf(config, tokenizer);
  const closing = new AbortController();
  const untilClosed = (signal?: AbortSignal): AbortSignal =>
    signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;

  const begin = rawPromptIds(baseDir, tokenizer, '');
  const begun = (ids: readonly number[]): readonly number[] =>
    ids[0] === begin[0] ? ids : [...begin, ...ids]; // a text may write the token itself
  const bareIds = (text: string): readonly number[] =>
    encodeBareText(text, {
      encode: (whole) => begun(tokenizer.encode(whole)),
      contextTokens: serving.contextTokens,
      charactersPerTokenMax,
    });
  /** A bare prompt is fed as it is; a conversation is made to fit. */
  const prompt = ({ messages, maxTokens, prompt: bare }: GenerateRequest) =>
    bare === undefined
      ? fitPrompt({
          messages,
          maxTokens,
          encode: (kept) => template.encodePrompt(kept),
          contextTokens: serving.contextTokens,
          charactersPerTokenMax,
        })
      : { ids: typeof bare === 'string' ? bareIds(bare) : bare, droppedMessages: 0 };

  const generate: Engine['generate'] = async function* (request, signal) {
    const { adapter, maxTokens, sampling, fairnessKey, deadlineMs } = request;
    const { seed = randomInt(2 ** 31), stop, ...choice } = sampling;
    const { ids, droppedMessages } = prompt(request);
    const deadlineAt = deadlineMs === undefined ? undefined : Date.now() + deadlineMs;
    const asked = { promptIds: ids, adapter, maxTokens, stopIds, ...choice, seed, fairnessKey, deadlineAt };
    yield* answerStream(serving.generate(asked, signal), { tokenizer, droppedMessages, stop });
  };

  // Answers to people come before training; the questions of an evaluation do not.
  const aside = createStepAside();
  const generateFirst: Engine['generate'] = async function* (request, signal) {
    const ended = aside.answering();
    try {
      yield* generate(request, signal);
    } finally {
      ended();
    }
  };

  const answerLoss = createAnswerLoss({
    encoder: {
      encode: (text) => tokenizer.encode(text),
      render: (messages, openAnswer) => template.render(messages, { addGenerationPrompt: openAnswer }),
    },
    score: (ids, adapter) => serving.score(ids, adapter),
    maxTokens: serving.contextTokens,
  });

  const engine: Engine = {
    generate: generateFirst,
    contextTokens: serving.contextTokens,
    countPromptTokens: async (messages) => {
      // What cannot fit by far is not read: its least possible count says so already.
      const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
      const least = Math.ceil(characters / charactersPerTokenMax);
      return least > serving.contextTokens ? least : template.encodePrompt(messages).length;
    },
    loadAdapter: (ref) => serving.loadAdapter(ref),
    prefetchAdapter: (ref) => serving.prefetchAdapter(ref),
    adapterState: (ref) => serving.adapterState(ref),
    train: (job, onProgress, signal) =>
      trainAdapter(baseDir, job, onProgress, untilClosed(signal), settings.device, aside),
    evaluate: async (job, onProgress) => {
      await serving.ready();
      return await evaluateAnswers(generate, job, { onProgress, answerLoss, atOnce: serving.info().rowsMax });
    },
    buildStore: (job, onProgress) =>
      buildStoreInChild({ ...job, modelDir: baseDir }, onProgress, closing.signal),
    attribute: (request) => attribution.attribute(request),
    attributeParts: (request) => attribution.attributeParts(request),
    auditVersion: (job, onProgress, signal) =>
      auditInChild({ ...job, modelDir: baseDir }, onProgress, untilClosed(signal), aside),
    buildSpanIndex: (job) => buildSpansInChild(job, closing.signal),
    findSpans: (request) => spans.find(request),
    retrievalShares: async (request) => {
      await serving.ready();
      return await retrievalShares(request, answerLoss);
    },
    answerLosses: async ({ messages, answer, adapters }) => {
      await serving.ready();
      const losses: number[] = [];
      for (const adapter of adapters) losses.push(await answerLoss(messages, answer, adapter ?? undefined));
      return losses;
    },
    close: async () => {
      closing.abort();
      await Promise.all([serving.close(), attribution.close(), spans.close()]);
    },
  };
  servingOf.set(engine, serving);
  return engine;
}

const servingOf = new WeakMap<Engine, ServeClient>();

/** For benchmarks and the soak: what the serving worker is busy with. */
export async function servingStats(engine: Engine): Promise<ServingStats> {
  const serving = servingOf.get(engine);
  if (serving === undefined) throw new Error('not a local engine');
  return serving.stats();
}

/** For tests of what happens then: the serving worker dies of an error nobody caught. Resolves when it is gone. */
export async function crashWorkerForTest(engine: Engine): Promise<void> {
  const serving = servingOf.get(engine);
  if (serving === undefined) throw new Error('not a local engine');
  await serving.crash();
}

function servingLine(info: ServingInfo): string {
  const { device, weights, rowsMax, contextTokens, kvMode, residentBytes, reason } = info;
  return (
    `serving on ${device} (${reason}): ${weights} weights, ${rowsMax} rows of ${contextTokens} tokens, ` +
    `cache ${kvMode}, ${Math.ceil(residentBytes / 2 ** 20)} MiB`
  );
}
