// Bodies of completions: whatever is sent is a request of the engine or a 400 that names a parameter.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chatCall, textCall } from '../../../engine/http/completion-body.ts';
import { HttpFault } from '../../../engine/http/errors.ts';

const names = [
  'model',
  'messages',
  'prompt',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repetition_penalty',
  'stop',
  'seed',
  'logit_bias',
  'user',
  'stream',
  'stream_options',
  'logprobs',
  'top_logprobs',
  'n',
  'tools',
  'response_format',
  'metadata',
  'deadline_ms',
  'echo',
  'toString',
  '__proto__',
  'constructor',
]; // prettier-ignore

it('any JSON is a request or a refusal, never another error', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(null, 0, 1, 'x', [], {}, [{ role: 'user', content: 'x' }]),
  );
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), value));
  fc.assert(
    fc.property(body, (sent) => {
      for (const read of [() => chatCall(sent, 100), () => textCall(sent)]) {
        try {
          const { request } = read();
          expect(request.maxTokens).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof HttpFault)) throw error;
          expect(error.facts.status).toBe(400);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

it('null asks for nothing, and an answer without a limit may fill the context', () => {
  const messages = [{ role: 'user', content: 'x' }];
  const nulls = Object.fromEntries(names.slice(3).map((name) => [name, null]));
  expect(chatCall({ messages, ...nulls }, 777)).toEqual(chatCall({ messages }, 777));
  expect(chatCall({ messages }, 777)).toMatchObject({
    stream: false,
    usage: 'none',
    request: { maxTokens: 777, sampling: { temperature: 1 } },
  });
});

it.each([
  [{ prompt: [1, 2] }, [1, 2]],
  [{ prompt: [[1, 2]] }, [1, 2]],
  [{ prompt: ['a b'] }, 'a b'],
  [{ prompt: '' }, ''],
])('%j is one bare prompt', (body, prompt) => {
  expect(textCall(body).request.prompt).toEqual(prompt);
});

it.each([[['a', 'b']], [[[1], [2]]], [[]], [[-1]], [[1.5]], [7]])('%j is not', (prompt) => {
  expect(() => textCall({ prompt })).toThrow(HttpFault);
});
