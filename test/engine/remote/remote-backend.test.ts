// The remote backend against strict stand-ins of vLLM, SGLang and llama.cpp's server: the conformance suite, what each
// of them is asked in its own words, and what happens when they are busy, restarted, silent or gone.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ServingBackend } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/errors.ts';
import { startHttpServer } from '../../../engine/http/http-server.ts';
import { createRemoteBackend } from '../../../engine/remote/remote-backend.ts';
import { backendConformance, doneOf, eventsOf, greedy, user } from '../../conformance/backend-conformance.ts';
import { scriptedBackend } from '../http/scripted-backend.ts';
import { testFolder } from '../model/test-folder.ts';
import { recordedLlamacpp } from './recorded-llamacpp.ts';
import { recordedSglang } from './recorded-sglang.ts';
import { recordedVllm } from './recorded-vllm.ts';
import type { StandIn } from './stand-in-server.ts';

const adapter = { id: 'poems-3', dir: '/data/adapters/poems-3' };
const serverDir = (dir: string): string => dir.replace('/data', '/srv');

function conforms(name: string, start: () => Promise<StandIn>, startsCold: boolean): void {
  backendConformance(name, async () => {
    const standIn = await start();
    const open = (): Promise<ServingBackend> => createRemoteBackend({ url: standIn.url, serverDir });
    return {
      backend: await open(),
      adapter,
      startsCold,
      running: standIn.running,
      another: open,
      stop: async () => {
        await standIn.stop();
        expect(standIn.violations).toEqual([]);
      },
    };
  });
}

conforms('recorded vLLM', () => recordedVllm(['/srv/adapters/poems-3']), true);
conforms('recorded SGLang', () => recordedSglang(['/srv/adapters/poems-3']), true);
conforms('recorded llama.cpp', () => recordedLlamacpp(['/models/other.gguf', '/models/poems-3.gguf']), false);

const started: StandIn[] = [];
afterEach(async () => {
  for (const standIn of started.splice(0)) {
    await standIn.stop();
    expect(standIn.violations).toEqual([]);
  }
});

async function withVllm(options: Partial<Parameters<typeof createRemoteBackend>[0]> = {}) {
  const standIn = await recordedVllm(['/srv/adapters/poems-3']);
  started.push(standIn);
  const remote = await createRemoteBackend({ url: `${standIn.url}/v1/`, serverDir, ...options });
  return { standIn, remote };
}

describe('what the servers are asked', () => {
  const sampling = {
    temperature: 0.5,
    topK: 9,
    topP: 0.8,
    minP: 0.1,
    repetitionPenalty: 1.2,
    seed: 4,
    stop: ['END'],
    logitBias: { 5: -100 },
  }; // prettier-ignore
  const common = {
    temperature: 0.5,
    seed: 4,
    stop: ['END'],
    logit_bias: { 5: -100 },
    max_tokens: 12,
    stream: true,
  };
  const request = greedy({ adapter, sampling });

  it('vLLM: the adapter is the model', async () => {
    const { standIn, remote } = await withVllm();
    await eventsOf(remote, request);
    expect(standIn.asked[0]).toEqual({
      ...common,
      model: 'poems-3',
      messages: [user('hi')],
      top_p: 0.8,
      top_k: 9,
      min_p: 0.1,
      repetition_penalty: 1.2,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    });
  });

  it('vLLM: whatever its generation_config says, what was not asked for is switched off', async () => {
    const { standIn, remote } = await withVllm();
    await eventsOf(remote, greedy());
    expect(standIn.asked[0]).toMatchObject({ top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1 });
  });

  it('SGLang: the adapter is lora_path', async () => {
    const standIn = await recordedSglang(['/srv/adapters/poems-3']);
    started.push(standIn);
    const remote = await createRemoteBackend({ url: standIn.url, serverDir });
    await eventsOf(remote, request);
    expect(standIn.asked[0]).toMatchObject({
      ...common,
      lora_path: 'poems-3',
      top_k: 9,
      repetition_penalty: 1.2,
    });
  });

  it('llama.cpp: adapters by number, none is an empty list', async () => {
    const standIn = await recordedLlamacpp(['/models/other.gguf', '/models/poems-3.gguf']);
    started.push(standIn);
    const remote = await createRemoteBackend({ url: standIn.url, serverDir });
    await eventsOf(remote, request);
    await eventsOf(remote, greedy());
    expect(standIn.asked[0]).toMatchObject({
      ...common,
      lora: [{ id: 1, scale: 1 }],
      top_k: 9,
      repeat_penalty: 1.2,
    });
    expect(standIn.asked[1]).toMatchObject({ lora: [], top_k: 0, top_p: 1, min_p: 0, repeat_penalty: 1 });
  });

  it('the answer may not outgrow the context', async () => {
    const { standIn, remote } = await withVllm();
    await eventsOf(remote, greedy({ messages: [user('word '.repeat(290))], maxTokens: 200 }));
    expect(standIn.asked[0]).toMatchObject({ max_tokens: 108 }); // 400 of the context, 292 of the prompt
  });

  it('a server that cannot count conversations: the local tokenizer does', async () => {
    const standIn = await recordedSglang([], { countsMessages: false });
    started.push(standIn);
    const bare = await createRemoteBackend({ url: standIn.url });
    await expect(bare.countPromptTokens([user('x')])).rejects.toMatchObject({ code: 'remote_refused' });
    const remote = await createRemoteBackend({ url: standIn.url, countLocally: async () => 77 });
    expect(await remote.countPromptTokens([user('x')])).toBe(77);
  });
});

describe('our own server', () => {
  it('is asked to load again when it has put an adapter out of memory, and told of a deadline and whose turn it is', async () => {
    const dir = join(testFolder(), 'adapters');
    mkdirSync(join(dir, 'poems-3'), { recursive: true });
    writeFileSync(join(dir, 'poems-3', 'adapter_config.json'), '{}');
    const backend = scriptedBackend();
    const server = await startHttpServer({ backend, baseModel: 'tiny', adaptersDir: dir, port: 0 });
    onTestFinished(() => server.stop(0));
    const remote = await createRemoteBackend({ url: server.url, serverDir: (path) => basename(path) });
    expect(await remote.adapterState(adapter)).toBe('cold');
    await remote.loadAdapter(adapter);
    await remote.loadAdapter(adapter);
    expect(backend.loaded.length).toBe(2);
    backend.script = { answer: 'one', queued: [2, 1], dropped: 2 };
    const events = await eventsOf(remote, greedy({ adapter, fairnessKey: 'p7', deadlineMs: 60_000.4 }));
    expect(events.slice(0, 3)).toEqual([
      { type: 'queued', position: 2 },
      { type: 'queued', position: 1 },
      { type: 'start', promptTokens: 4, droppedMessages: 2 },
    ]);
    expect(backend.requests[0]).toMatchObject({ fairnessKey: 'p7', deadlineMs: 60_001 });
    expect(backend.loaded.length).toBe(2); // the answer itself loads nothing twice
  });

  it.each([
    ['worker_died', 'safe'],
    ['deadline_exceeded', 'after'],
    ['prompt_too_long', 'never'],
    ['sampling_invalid', 'never'],
  ])('hands on %s as it is, before the first word and after it', async (code, retry) => {
    const backend = scriptedBackend();
    const server = await startHttpServer({ backend, baseModel: 'tiny', port: 0 });
    onTestFinished(() => server.stop(0));
    const remote = await createRemoteBackend({ url: server.url });
    for (const answer of ['', 'one two']) {
      backend.script = { answer, fail: new EngineError('so it is', { code, retry: 'never' }) };
      await expect(eventsOf(remote, greedy())).rejects.toMatchObject({ code, retry });
    }
  });
});

describe('keys and kinds', () => {
  it('sends the key, and a wrong one is a fault that does not repeat it', async () => {
    const standIn = await recordedVllm([], { key: 'om-right' });
    started.push(standIn);
    const remote = await createRemoteBackend({ url: standIn.url, key: 'om-right' });
    expect(doneOf(await eventsOf(remote, greedy())).reason).toBe('length');
    const wrong = createRemoteBackend({ url: standIn.url, key: 'om-wrong' });
    await expect(wrong).rejects.toMatchObject({ code: 'remote_unauthorised', retry: 'never' });
    await expect(wrong).rejects.not.toThrow(/om-wrong/);
  });

  it('nobody there', async () => {
    const gone = await recordedVllm([]);
    await gone.stop();
    await expect(createRemoteBackend({ url: gone.url })).rejects.toMatchObject({
      code: 'remote_unreachable',
      retry: 'safe',
    });
  });

  it('vLLM without run-time loading: the fault says what to switch on', async () => {
    const standIn = await recordedVllm([], { runtimeLoading: false });
    started.push(standIn);
    const remote = await createRemoteBackend({ url: standIn.url });
    await expect(remote.loadAdapter(adapter)).rejects.toThrow(/is loading at run time switched on\?/);
  });
});

describe('when the server is in trouble', () => {
  it.each([
    [429, { 'retry-after': '7' }, { code: 'engine_busy', retry: 'after', retryAfterMs: 7000 }],
    [503, {}, { code: 'engine_busy', retry: 'after', retryAfterMs: 2000 }],
    [500, {}, { code: 'remote_failed', retry: 'safe' }],
    [400, {}, { code: 'remote_refused', retry: 'never' }],
  ])('%i is told as such', async (status, headers, expected) => {
    const { standIn, remote } = await withVllm();
    standIn.trouble.reply = { status, headers, json: { error: { message: 'no', type: 'x', code: status } } };
    await expect(eventsOf(remote, greedy())).rejects.toMatchObject(expected);
  });

  it('a restarted vLLM is told of the adapter again, and so is an SGLang that evicted it', async () => {
    const { standIn, remote } = await withVllm();
    const before = doneOf(await eventsOf(remote, greedy({ adapter }))).text;
    standIn.forgetAdapters();
    expect(doneOf(await eventsOf(remote, greedy({ adapter }))).text).toBe(before);
    const sglang = await recordedSglang(['/srv/adapters/poems-3']);
    started.push(sglang);
    const other = await createRemoteBackend({ url: sglang.url, serverDir });
    await other.loadAdapter(adapter);
    sglang.evictAdapters();
    expect(doneOf(await eventsOf(other, greedy({ adapter }))).text).not.toBe('');
  });

  it('cut off before the first word: safe to try again; after it: broken off, with what was shown', async () => {
    const { standIn, remote } = await withVllm();
    standIn.trouble.cutAfter = 0;
    await expect(eventsOf(remote, greedy())).rejects.toMatchObject({
      code: 'remote_unreachable',
      retry: 'safe',
    });
    standIn.trouble.cutAfter = 4;
    const texts: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const event of remote.generate(greedy())) if (event.type === 'text') texts.push(event.text);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'remote_broken_off', retry: 'safe' });
    expect(texts.length).toBe(3);
  });

  it('a stream that ends without its end is broken off', async () => {
    const { standIn, remote } = await withVllm();
    const chunk = { choices: [{ index: 0, delta: { content: 'half' }, finish_reason: null }] };
    standIn.trouble.reply = { events: [`data: ${JSON.stringify(chunk)}\n\n`] };
    await expect(eventsOf(remote, greedy())).rejects.toMatchObject({ code: 'remote_broken_off' });
  });

  it('an error in the middle of a stream', async () => {
    const { standIn, remote } = await withVllm();
    const error = { error: { message: 'CUDA out of memory', type: 'InternalServerError', code: 500 } };
    standIn.trouble.reply = { events: [`data: ${JSON.stringify(error)}\n\n`, 'data: [DONE]\n\n'] };
    await expect(eventsOf(remote, greedy())).rejects.toThrow(/CUDA out of memory/);
  });

  it('silence ends it', async () => {
    const { standIn, remote } = await withVllm({ silenceMsMax: 60 });
    standIn.trouble.hangAfter = 3;
    await expect(eventsOf(remote, greedy())).rejects.toMatchObject({ code: 'remote_broken_off' });
    await expect.poll(standIn.running).toBe(0);
    standIn.trouble.hangAfter = 0;
    await expect(eventsOf(remote, greedy())).rejects.toMatchObject({ code: 'remote_unreachable' });
  });

  it('a deadline ends it with what was made', async () => {
    const { standIn, remote } = await withVllm();
    standIn.trouble.hangAfter = 3;
    const events = await eventsOf(remote, greedy({ deadlineMs: 80 }));
    expect(doneOf(events)).toMatchObject({ reason: 'deadline', usage: { completionTokens: 2 } });
    standIn.trouble.hangAfter = 0;
    await expect(eventsOf(remote, greedy({ deadlineMs: 40 }))).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    await expect.poll(standIn.running).toBe(0);
  });

  it('aborting while nothing comes ends it at once', async () => {
    const { standIn, remote } = await withVllm();
    standIn.trouble.hangAfter = 0;
    const stop = new AbortController();
    const ended = eventsOf(remote, greedy(), stop.signal);
    await expect.poll(standIn.running).toBe(1);
    stop.abort();
    expect(doneOf(await ended)).toMatchObject({ reason: 'cancelled', text: '' });
    await expect.poll(standIn.running).toBe(0);
  });

  it('bytes in pieces of 3 are the same answer', async () => {
    const { standIn, remote } = await withVllm();
    const whole = await eventsOf(remote, greedy());
    standIn.trouble.pieceBytes = 3;
    expect(await eventsOf(remote, greedy())).toEqual(whole);
  });

  it('a server that meters nothing: its chunks are counted', async () => {
    const { standIn, remote } = await withVllm();
    const chunk = (delta: object, finish: string | null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    standIn.trouble.reply = {
      events: [
        chunk({ role: 'assistant' }, null),
        chunk({ content: 'a' }, null),
        chunk({ content: 'b' }, 'stop'),
      ],
    };
    expect(doneOf(await eventsOf(remote, greedy()))).toEqual({
      type: 'done',
      reason: 'stop',
      text: 'ab',
      usage: { promptTokens: 3, completionTokens: 2 },
    });
  });
});
