// The engine on this machine: the face of engine.ts put together from its parts. Used by bots/main.ts and end-to-end
// tests. Serving and attribution run in a worker thread each, training and store building in niced child processes;
// this file only translates: messages to token ids, token events to text. It knows no people and no money.
// States: created (base model loaded) -> closed.
import { randomInt } from 'node:crypto';
import { createAttributeClient } from '../attribution/attribute-client.ts';
import { buildStoreInChild } from '../attribution/build-store-process.ts';
import type { Engine, GenerateRequest } from '../engine.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { evaluateAnswers } from '../train/answer-eval.ts';
import { trainAdapter } from '../train/train-adapter.ts';
import { answerStream } from './answer-stream.ts';
import { fitPrompt } from './prompt-fit.ts';
import { longestTokenLength, rawPromptIds } from './raw-prompt.ts';
import { createServeClient, type ServeClient } from './serve-client.ts';
import { stopIdsOf } from './stop-ids.ts';

interface LocalEngineOptions {
  /** Hugging Face folder of the base model. */
  readonly baseDir: string;
  /** Compute threads of serving; attribution and training take one each. */
  readonly threads?: number;
  /** One line about something unusual, such as a worker that died and was replaced. */
  readonly log?: (line: string) => void;
}

/** @throws EngineError of loading the base model */
export async function createLocalEngine(options: LocalEngineOptions): Promise<Engine> {
  const { baseDir, threads, log = () => undefined } = options;
  const config = loadModelConfig(baseDir);
  const tokenizer = loadTokenizer(baseDir);
  const template = loadChatTemplate(baseDir, tokenizer);
  const charactersPerTokenMax = longestTokenLength(baseDir);
  const serving = await createServeClient({
    modelDir: baseDir,
    threads,
    onWorkerDeath: (cause) => log(`the serving worker died and is replaced: ${String(cause)}`),
  });
  const attribution = createAttributeClient({ modelDir: baseDir });
  const stopIds = stopIdsOf(config, tokenizer);
  const closing = new AbortController();
  const untilClosed = (signal?: AbortSignal): AbortSignal =>
    signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;

  const begin = rawPromptIds(baseDir, tokenizer, '');
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
      : { ids: typeof bare === 'string' ? [...begin, ...tokenizer.encode(bare)] : bare, droppedMessages: 0 };

  const generate: Engine['generate'] = async function* (request, signal) {
    const { adapter, maxTokens, sampling } = request;
    const { temperature, topK, topP, seed = randomInt(2 ** 31) } = sampling;
    const { ids, droppedMessages } = prompt(request);
    const tokens = { promptIds: ids, adapter, maxTokens, stopIds, temperature, topK, topP, seed };
    yield* answerStream(serving.generate(tokens, signal), tokenizer.stream(), droppedMessages);
  };

  const engine: Engine = {
    generate,
    contextTokens: serving.contextTokens,
    countPromptTokens: async (messages) => {
      // What cannot fit by far is not read: its least possible count says so already.
      const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
      const least = Math.ceil(characters / charactersPerTokenMax);
      return least > serving.contextTokens ? least : template.encodePrompt(messages).length;
    },
    loadAdapter: (ref) => serving.loadAdapter(ref),
    prefetchAdapter: (ref) => void serving.loadAdapter(ref).catch(() => undefined),
    adapterState: async () => 'cold',
    train: (job, onProgress, signal) => trainAdapter(baseDir, job, onProgress, untilClosed(signal)),
    evaluate: (job, onProgress) => evaluateAnswers(generate, job, onProgress),
    buildStore: (job, onProgress) =>
      buildStoreInChild({ ...job, modelDir: baseDir }, onProgress, closing.signal),
    attribute: (request) => attribution.attribute(request),
    close: async () => {
      closing.abort();
      await Promise.all([serving.close(), attribution.close()]);
    },
  };
  servingOf.set(engine, serving);
  return engine;
}

const servingOf = new WeakMap<Engine, ServeClient>();

/** For tests of what happens then: the serving worker dies of an error nobody caught. Resolves when it is gone. */
export async function crashWorkerForTest(engine: Engine): Promise<void> {
  const serving = servingOf.get(engine);
  if (serving === undefined) throw new Error('not a local engine');
  await serving.crash();
}
