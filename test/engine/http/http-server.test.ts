// Completions over HTTP: bodies, chunks, log-probabilities, refusals and faults, over a scripted backend.
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import { errorOf, eventsOf, hi, jsonOf, rig } from './http-rig.ts';

describe('chat completions', () => {
  it('answers whole, with usage', async () => {
    const { post } = await rig();
    const response = await post('/v1/chat/completions', hi);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-[\w-]{36}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'tiny',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'one two three', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
  });

  it('streams role, words, finish, usage with empty choices and [DONE]; usage is null before', async () => {
    const { post } = await rig();
    const body = { ...hi, stream: true, stream_options: { include_usage: true } };
    const { data } = await eventsOf(await post('/v1/chat/completions', body));
    const deltas = data.slice(0, 5).map(({ choices: [{ delta, finish_reason }] }) => [delta, finish_reason]);
    expect(deltas).toEqual([
      [{ role: 'assistant', content: '' }, null],
      [{ content: 'one' }, null],
      [{ content: ' two' }, null],
      [{ content: ' three' }, null],
      [{}, 'stop'],
    ]);
    expect(data.slice(0, 5).map(({ usage }) => usage)).toEqual([null, null, null, null, null]);
    expect(data[5]).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
    expect(data[6]).toBe('[DONE]');
    expect(new Set(data.slice(0, 6).map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    expect(data.length).toBe(7);
  });

  it('a stream without include_usage has no usage at all', async () => {
    const { post } = await rig();
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...hi, stream: true }));
    expect(data.slice(0, -1).every((chunk) => !('usage' in chunk))).toBe(true);
    expect(data.length).toBe(6);
  });

  it('hands every parameter to the engine', async () => {
    const { post, backend } = await rig();
    await post('/v1/chat/completions', {
      ...hi,
      messages: [
        { role: 'developer', content: 'be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      max_completion_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.1,
      repetition_penalty: 1.1,
      stop: 'END',
      seed: 5,
      logit_bias: { 12: -100 },
      logprobs: true,
      top_logprobs: 2,
      user: 'p1',
      deadline_ms: 900,
      n: 1,
      presence_penalty: 0,
      frequency_penalty: null,
      tools: [],
      response_format: { type: 'text' },
      metadata: { a: 'b' },
    });
    expect(backend.requests).toEqual([
      {
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'ab' },
        ],
        maxTokens: 7,
        sampling: {
          temperature: 0.5,
          topK: 40,
          topP: 0.9,
          minP: 0.1,
          repetitionPenalty: 1.1,
          logitBias: { 12: -100 },
          stop: ['END'],
          logprobs: 2,
          seed: 5,
        },
        fairnessKey: 'p1',
        deadlineMs: 900,
      },
    ]);
  });

  it('log-probabilities in both shapes, streamed and whole', async () => {
    const { post, backend } = await rig();
    backend.script.answer = 'one two';
    const wanted = { ...hi, logprobs: true, top_logprobs: 1 };
    const entry = { id: 1, token: 'one', logprob: -0.125, bytes: [111, 110, 101] };
    const whole = await jsonOf(await post('/v1/chat/completions', wanted));
    expect(whole.choices[0].logprobs.content[0]).toEqual({ ...entry, top_logprobs: [entry] });
    expect(whole.choices[0].logprobs.content.length).toBe(2);
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...wanted, stream: true }));
    expect(data[1].choices[0].logprobs.content).toEqual([{ ...entry, top_logprobs: [entry] }]);
    const text = await jsonOf(await post('/v1/completions', { prompt: 'x', logprobs: 1 }));
    expect(text.choices[0].logprobs).toEqual({
      tokens: ['one', ' two'],
      token_ids: [1, 2],
      token_logprobs: [-0.125, -0.25],
      top_logprobs: [{ one: -0.125 }, { ' two': -0.25 }],
      text_offset: [0, 3],
    });
  });

  it.each([
    [{ n: 2 }, 'n', 'unsupported_parameter'],
    [{ tools: [{ type: 'function' }] }, 'tools', 'unsupported_parameter'],
    [{ response_format: { type: 'json_schema' } }, 'response_format', 'unsupported_parameter'],
    [{ presence_penalty: 0.5 }, 'presence_penalty', 'unsupported_parameter'],
    [{ colour: 'red' }, 'colour', 'unknown_parameter'],
    [{ temperature: 3 }, 'temperature', 'invalid_value'],
    [{ stop: [''] }, 'stop.0', 'invalid_value'],
    [{ logit_bias: { word: 1 } }, 'logit_bias.word', 'invalid_value'],
    [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    [{ messages: [] }, 'messages', 'invalid_value'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role', 'invalid_value'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages.0.content.0.type',
      'invalid_value',
    ],
    [{ top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
    [{ stream_options: {} }, 'stream_options', 'invalid_value'],
    [{ __proto__: null, constructor: 1 }, 'constructor', 'unknown_parameter'],
  ])('refuses %j with 400 that names the parameter', async (change, param, code) => {
    const { post, backend } = await rig();
    const error = await errorOf(await post('/v1/chat/completions', { ...hi, ...change }));
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
    expect(backend.requests).toEqual([]);
  });
});

describe('text completions', () => {
  it('takes a text or ids as they are, 16 tokens where no number is given', async () => {
    const { post, backend } = await rig();
    const whole = await jsonOf(await post('/v1/completions', { model: 'tiny', prompt: 'once upon' }));
    expect(whole).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'one two three', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
    await post('/v1/completions', { prompt: [[5, 6, 7]], max_tokens: 2 });
    expect(backend.requests.map(({ prompt, maxTokens }) => [prompt, maxTokens])).toEqual([
      ['once upon', 16],
      [[5, 6, 7], 2],
    ]);
    const { data } = await eventsOf(
      await post('/v1/completions', { prompt: ['x'], max_tokens: 2, stream: true }),
    );
    expect(data.map((chunk) => chunk.choices?.[0].text)).toEqual(['', 'one', ' two', '', undefined]);
    expect(data[3].choices[0].finish_reason).toBe('length');
  });
});

describe('faults', () => {
  it('keep the code of the engine and have the right status', async () => {
    const { post, backend, log } = await rig();
    backend.script.answer = '';
    const failing = async (code: string, retryAfterMs?: number) => {
      backend.script.fail = new EngineError('/secret/path is bad', { code, retry: 'never', retryAfterMs });
      const response = await post('/v1/chat/completions', { ...hi, stream: true });
      const { status, message } = await errorOf(response);
      return [status, response.headers.get('retry-after'), message];
    };
    expect(await failing('prompt_too_long')).toEqual([400, null, '/secret/path is bad']);
    expect(await failing('engine_busy', 2500)).toEqual([503, '3', '/secret/path is bad']);
    expect(await failing('worker_died')).toEqual([503, '1', '/secret/path is bad']);
    expect(await failing('deadline_exceeded')).toEqual([504, '1', '/secret/path is bad']);
    expect(await failing('weights_missing')).toEqual([500, null, 'The engine failed: weights_missing.']);
    backend.script.fail = new Error('bug: secret');
    expect(await errorOf(await post('/v1/chat/completions', hi))).toMatchObject({
      status: 500,
      message: 'Something went wrong inside the server.',
    });
    expect(log.length).toBe(2);
    expect(log[1]).toContain('bug: secret');
    expect(backend.running()).toBe(0);
  });

  it('after the first word the last event is the error, and no [DONE] follows', async () => {
    const { post, backend } = await rig();
    backend.script.fail = new EngineError('the worker died', { code: 'worker_died', retry: 'safe' });
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...hi, stream: true }));
    expect(data.length).toBe(5);
    expect(data[4]).toEqual({
      error: { message: 'the worker died', type: 'server_error', param: null, code: 'worker_died' },
    });
  });

  it('bodies that are no JSON, too large or of another type; unknown models and addresses', async () => {
    const { post, server } = await rig({ bodyBytesMax: 1000 });
    expect(await errorOf(await post('/v1/chat/completions', '{'))).toMatchObject({
      status: 400,
      code: 'json_malformed',
    });
    const large = { ...hi, user: 'x'.repeat(1000) };
    expect(await errorOf(await post('/v1/chat/completions', large))).toMatchObject({ status: 413 });
    const chunks = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(400)),
    });
    const init = {
      method: 'POST',
      body: chunks,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const endless = await fetch(`${server.url}/v1/completions`, init as RequestInit).then(
      (response) => response.status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(endless);
    expect(
      await errorOf(await post('/v1/chat/completions', hi, { 'content-type': 'text/plain' })),
    ).toMatchObject({ status: 415 });
    expect(await errorOf(await post('/v1/chat/completions', { ...hi, model: 'nobody' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
    expect(await errorOf(await fetch(`${server.url}/v2`))).toMatchObject({
      status: 404,
      code: 'unknown_url',
    });
  });
});
