// A strict stand-in of llama.cpp's server (llama-server). Shapes from
//   github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md: GET /props, GET /lora-adapters, per-request `lora`,
//     POST /apply-template, POST /tokenize, GET /v1/models, `timings`, errors {error:{code,message,type}}
//   .../tools/server/server-task.cpp (chunks of the OpenAI-compatible streams, usage with empty choices)
import {
  answerTo,
  contextTokens,
  promptTokens,
  type StandInPrompt,
  type StandInToken,
} from './stand-in-model.ts';
import {
  dataLine,
  type JsonBody,
  onlyFields,
  type StandIn,
  type StandInReply,
  startStandIn,
  stopsOf,
} from './stand-in-server.ts';

const base = '../models/SmolLM2-135M-Q8_0.gguf';
const sampled = [
  'model',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repeat_penalty',
  'repeat_last_n',
  'seed',
  'stop',
  'logit_bias',
  'stream',
  'stream_options',
  'lora',
  'timings_per_token',
  'reasoning_format',
  'logprobs',
]; // prettier-ignore

/** @param loraFiles what `--lora` was given at the start */
export async function recordedLlamacpp(loraFiles: readonly string[]): Promise<StandIn> {
  const refusal = (code: number, type: string, message: string, more: object = {}): StandInReply => ({
    status: code,
    json: { error: { code, message, type, ...more } },
  });

  const complete = (body: JsonBody, prompt: StandInPrompt, violate: (what: string) => void): StandInReply => {
    const isChat = body.messages !== undefined;
    const { lora, max_tokens: maxTokens } = body as {
      lora?: { id: number; scale: number }[];
      max_tokens: number;
    };
    // Without the field the scales given at the start would apply: 1 for every adapter.
    if (lora === undefined) violate('a request without lora');
    const chosen = (lora ?? []).map(({ id }) => loraFiles[id]).join('+');
    const read = promptTokens(prompt);
    if (read >= contextTokens)
      return refusal(
        400,
        'exceed_context_size_error',
        `request (${read} tokens) exceeds the available context size (${contextTokens} tokens), try increasing it`,
        { n_prompt_tokens: read, n_ctx: contextTokens },
      );
    const { tokens, finish } = answerTo(prompt, chosen === '' ? undefined : chosen, maxTokens, stopsOf(body));
    const object = isChat ? 'chat.completion.chunk' : 'text_completion';
    const head = {
      created: 1763700000,
      id: 'chatcmpl-x',
      model: body.model,
      system_fingerprint: 'b8681',
      object,
    };
    const chunk = (written: number, content: object, finish_reason: string | null, more: object = {}) =>
      dataLine({
        choices: [{ finish_reason, index: 0, ...content, ...more }],
        ...head,
        timings: { cache_n: 1, prompt_n: read - 1, prompt_ms: 1, predicted_n: written, predicted_ms: 1 },
      });
    const events = function* (): Generator<string> {
      yield ': ping\n\n';
      if (isChat) yield chunk(0, { delta: { role: 'assistant', content: null } }, null);
      for (const [index, token] of tokens.entries()) {
        const content = isChat ? { delta: { content: token.text } } : { text: token.text };
        const wanted = isChat && body.logprobs === true;
        const logprobs = wanted
          ? { logprobs: { content: [logprobOf(token, Number(body.top_logprobs))] } }
          : {};
        yield chunk(index + 1, content, null, logprobs);
      }
      yield chunk(tokens.length, isChat ? { delta: {} } : { text: '' }, finish);
      const usage = {
        completion_tokens: tokens.length,
        prompt_tokens: read,
        total_tokens: read + tokens.length,
        prompt_tokens_details: { cached_tokens: 1 },
      };
      yield dataLine({ choices: [], ...head, usage });
      yield 'data: [DONE]\n\n';
    };
    return { events: events() };
  };

  return startStandIn({
    completions: ['POST /v1/chat/completions', 'POST /v1/completions'],
    routes: {
      'GET /v1/models': () => ({
        status: 200,
        json: {
          object: 'list',
          data: [
            {
              id: base,
              object: 'model',
              created: 1763700000,
              owned_by: 'llamacpp',
              meta: { n_ctx_train: 8192 },
            },
          ],
        },
      }),
      'GET /props': () => ({
        status: 200,
        json: {
          default_generation_settings: { id: 0, n_ctx: contextTokens, params: { top_k: 40, min_p: 0.05 } },
          total_slots: 4,
          model_path: base,
          build_info: 'b8681-0',
        },
      }),
      'GET /lora-adapters': () => ({
        status: 200,
        json: loraFiles.map((path, id) => ({ id, path, scale: 1, task_name: '', prompt_prefix: '' })),
      }),
      'POST /apply-template': (body, violate) => {
        onlyFields(body, ['messages'], violate);
        const messages = body.messages as { role: string; content: string }[];
        const prompt = messages.map(({ role, content }) => `<|${role}|> ${content} <|end|>`).join('');
        return { status: 200, json: { prompt } };
      },
      'POST /tokenize': (body, violate) => {
        onlyFields(body, ['content', 'add_special', 'parse_special', 'with_pieces'], violate);
        const { content } = body as { content: string };
        const words = content
          .replace(/<\|end\|>/g, ' <|end|> ')
          .split(/\s+/)
          .filter((word) => word !== '');
        return { status: 200, json: { tokens: words.map((_, id) => id) } };
      },
      'POST /v1/chat/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'messages', 'top_logprobs'], violate);
        return complete(body, body.messages as StandInPrompt, violate);
      },
      'POST /v1/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'prompt'], violate);
        return complete(body, body.prompt as StandInPrompt, violate);
      },
    },
  });
}

function logprobOf({ id, text, logprob }: StandInToken, top: number): object {
  const entry = (index: number) => ({
    id: id + index,
    token: index === 0 ? text : `x${index}`,
    bytes: [...Buffer.from(text)],
    logprob: logprob - index,
  });
  return { ...entry(0), top_logprobs: Array.from({ length: top }, (_, index) => entry(index)) };
}
