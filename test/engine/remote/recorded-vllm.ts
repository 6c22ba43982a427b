// A strict stand-in of vLLM's OpenAI-compatible server: bodies, chunks and errors as vLLM 0.11 to 0.13 has them, for
// the conformance suite and for faults. Shapes from:
//   docs.vllm.ai/en/latest/features/lora (load_lora_adapter, GET /v1/models with parent)
//   github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/models/serving.py (cards, "has already been loaded")
//   .../vllm/entrypoints/openai/engine/protocol.py (ErrorResponse, ModelCard, UsageInfo, StreamOptions)
//   .../vllm/entrypoints/serve/tokenize/protocol.py (TokenizeChatRequest, TokenizeResponse)
//   .../vllm/entrypoints/openai/chat_completion/protocol.py (chunks, return_token_ids)
import {
  answerTo,
  contextTokens,
  promptTokens,
  type StandInAnswer,
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

export interface RecordedVllm extends StandIn {
  /** As after a restart. */
  readonly forgetAdapters: () => void;
}

const base = 'meta-llama/Llama-3.2-1B';
const sampled = [
  'model',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repetition_penalty',
  'seed',
  'stop',
  'logit_bias',
  'stream',
  'stream_options',
  'return_token_ids',
]; // prettier-ignore

/** @param adapterDirs folders in which the server finds an adapter */
export async function recordedVllm(
  adapterDirs: readonly string[],
  options: { readonly key?: string; readonly runtimeLoading?: boolean } = {},
): Promise<RecordedVllm> {
  const { key, runtimeLoading = true } = options;
  const loras = new Map<string, string>();
  const refusal = (
    status: number,
    type: string,
    message: string,
    param: string | null = null,
  ): StandInReply => ({
    status,
    json: { error: { message, type, param, code: status } },
  });
  const card = (id: string, root: string, parent: string | null) => ({
    id,
    object: 'model',
    created: 1763700000,
    owned_by: 'vllm',
    root,
    parent,
    max_model_len: parent === null ? contextTokens : null,
    permission: [
      { id: `modelperm-${id}`, object: 'model_permission', allow_sampling: true, is_blocking: false },
    ],
  });

  const complete = (body: JsonBody, prompt: StandInPrompt, kind: 'chat' | 'text'): StandInReply => {
    const { model, max_tokens: maxTokens } = body as { model: string; max_tokens: number };
    if (model !== base && !loras.has(model))
      return refusal(404, 'NotFoundError', `The model \`${model}\` does not exist.`, 'model');
    const read = promptTokens(prompt);
    if (read + maxTokens > contextTokens)
      return refusal(
        400,
        'BadRequestError',
        `'max_tokens' or 'max_completion_tokens' is too large: ${maxTokens}. This model's maximum context length is ${contextTokens} tokens and your request has ${read} input tokens.`,
      );
    const answer = answerTo(prompt, model === base ? undefined : model, maxTokens, stopsOf(body));
    return { events: kind === 'chat' ? chatEvents(body, answer, read) : textEvents(body, answer, read) };
  };

  const standIn = await startStandIn({
    key,
    completions: ['POST /v1/chat/completions', 'POST /v1/completions'],
    routes: {
      'GET /v1/models': () => ({
        status: 200,
        json: {
          object: 'list',
          data: [card(base, base, null), ...[...loras].map(([name, path]) => card(name, path, base))],
        },
      }),
      ...(runtimeLoading && {
        'POST /v1/load_lora_adapter': (body, violate) => {
          onlyFields(body, ['lora_name', 'lora_path', 'load_inplace'], violate);
          const { lora_name: name, lora_path: path } = body as Record<string, string>;
          if (loras.has(name))
            return refusal(
              400,
              'InvalidUserInput',
              `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`,
            );
          if (!adapterDirs.includes(path))
            return refusal(404, 'NotFoundError', `Loading lora ${name} failed: No adapter found for ${path}`);
          loras.set(name, path);
          return { status: 200, text: `Success: LoRA adapter '${name}' added successfully.` };
        },
      }),
      'POST /tokenize': (body, violate) => {
        onlyFields(body, ['model', 'prompt', 'messages', 'add_special_tokens'], violate);
        const count = promptTokens((body.messages ?? body.prompt) as StandInPrompt);
        const tokens = Array.from({ length: count }, (_, id) => id);
        return { status: 200, json: { count, max_model_len: contextTokens, tokens, token_strs: null } };
      },
      'POST /v1/chat/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'messages', 'logprobs', 'top_logprobs'], violate);
        return complete(body, body.messages as StandInPrompt, 'chat');
      },
      'POST /v1/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'prompt', 'logprobs'], violate);
        return complete(body, body.prompt as StandInPrompt, 'text');
      },
    },
  });
  return { ...standIn, forgetAdapters: () => loras.clear() };
}

const usageOf = (read: number, written: number) => ({
  prompt_tokens: read,
  total_tokens: read + written,
  completion_tokens: written,
});

function* chatEvents(body: JsonBody, { tokens, finish }: StandInAnswer, read: number): Generator<string> {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1763700000, model: body.model };
  const chunk = (written: number, delta: object, more: object = {}) =>
    dataLine({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }],
      usage: usageOf(read, written),
    });
  yield chunk(0, { role: 'assistant', content: '' });
  for (const [index, token] of tokens.entries()) {
    const logprobs =
      body.logprobs === true ? { content: [chatLogprob(token, Number(body.top_logprobs))] } : null;
    const token_ids = body.return_token_ids === true ? [token.id] : null;
    yield chunk(index + 1, { content: token.text }, { logprobs, token_ids });
  }
  yield chunk(tokens.length, { content: '' }, { finish_reason: finish, stop_reason: null });
  yield dataLine({ ...head, choices: [], usage: usageOf(read, tokens.length) });
  yield 'data: [DONE]\n\n';
}

function* textEvents(body: JsonBody, { tokens, finish }: StandInAnswer, read: number): Generator<string> {
  const head = { id: 'cmpl-1', object: 'text_completion', created: 1763700000, model: body.model };
  for (const [index, token] of tokens.entries()) {
    const last = index + 1 === tokens.length;
    const choice = {
      index: 0,
      text: token.text,
      logprobs: null,
      finish_reason: last ? finish : null,
      stop_reason: null,
    };
    yield dataLine({ ...head, choices: [choice], usage: usageOf(read, index + 1) });
  }
  yield dataLine({ ...head, choices: [], usage: usageOf(read, tokens.length) });
  yield 'data: [DONE]\n\n';
}

/** No ids in here: they stand beside, in `token_ids`. */
export function chatLogprob({ text, logprob }: StandInToken, top: number): object {
  const entry = (token: string, value: number) => ({ token, logprob: value, bytes: [...Buffer.from(token)] });
  const others = Array.from({ length: top }, (_, index) =>
    entry(index === 0 ? text : `x${index}`, logprob - index),
  );
  return { ...entry(text, logprob), top_logprobs: others };
}
