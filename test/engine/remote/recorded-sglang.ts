// A strict stand-in of SGLang's OpenAI-compatible server. Shapes from:
//   docs.sglang.io/docs/advanced_features/lora (load_lora_adapter without /v1, lora_path names the adapter)
//   github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/protocol.py (ModelCard, ErrorResponse,
//     UsageInfo, StreamOptions, CompletionRequest.lora_path and return_token_ids, TokenizeRequest)
//   .../python/sglang/srt/entrypoints/http_server.py (available_models, load_lora_adapter: 200 or 400 with success)
//   .../python/sglang/srt/lora/lora_manager.py ("because it is already loaded")

import { chatLogprob } from './recorded-vllm.ts';
import { answerTo, contextTokens, promptTokens, type StandInPrompt } from './stand-in-model.ts';
import {
  dataLine,
  type JsonBody,
  onlyFields,
  type StandIn,
  type StandInReply,
  startStandIn,
  stopsOf,
} from './stand-in-server.ts';

export interface RecordedSglang extends StandIn {
  /** As its own LRU does when `max_loaded_loras` is reached. */
  readonly evictAdapters: () => void;
}

const base = 'Qwen/Qwen2.5-0.5B-Instruct';
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
  'lora_path',
]; // prettier-ignore

/** @param countsMessages false: /tokenize as before SGLang 0.5.6, which takes `prompt` alone */
export async function recordedSglang(
  adapterDirs: readonly string[],
  { countsMessages = true }: { readonly countsMessages?: boolean } = {},
): Promise<RecordedSglang> {
  const loras = new Map<string, string>();
  const refusal = (message: string, type = 'BadRequestError'): StandInReply => ({
    status: 400,
    json: { object: 'error', message, type, param: null, code: 400 },
  });
  const card = (id: string, root: string, parent: string | null) => ({
    id,
    object: 'model',
    created: 1763700000,
    owned_by: 'sglang',
    root,
    parent,
    max_model_len: parent === null ? contextTokens : null,
  });

  const complete = (body: JsonBody, prompt: StandInPrompt, isChat: boolean): StandInReply => {
    const { lora_path: lora, max_tokens: maxTokens } = body as { lora_path?: string; max_tokens: number };
    if (lora !== undefined && !loras.has(lora))
      return refusal(`The following requested LoRA adapters are not loaded: {'${lora}'}`);
    const read = promptTokens(prompt);
    if (read >= contextTokens)
      return refusal(
        `The input (${read} tokens) is longer than the model's context length (${contextTokens} tokens).`,
      );
    const { tokens, finish } = answerTo(prompt, lora, maxTokens, stopsOf(body));
    const object = isChat ? 'chat.completion.chunk' : 'text_completion';
    const head = { id: '3f0c', object, created: 1763700000, model: body.model };
    const usageOf = (written: number) => ({
      prompt_tokens: read,
      total_tokens: read + written,
      completion_tokens: written,
      prompt_tokens_details: null,
      reasoning_tokens: 0,
    });
    const chunk = (written: number, text: string | null, more: object = {}) => {
      const content = isChat
        ? { delta: { role: null, content: text, reasoning_content: null } }
        : { text: text ?? '' };
      const choice = {
        index: 0,
        ...content,
        logprobs: null,
        finish_reason: null,
        matched_stop: null,
        ...more,
      };
      return dataLine({ ...head, choices: [choice], usage: usageOf(written) });
    };
    const events = function* (): Generator<string> {
      if (isChat) yield chunk(0, null, { delta: { role: 'assistant', content: '' } });
      for (const [index, token] of tokens.entries()) {
        const wanted = isChat && body.logprobs === true;
        const logprobs = wanted ? { content: [chatLogprob(token, Number(body.top_logprobs))] } : null;
        yield chunk(index + 1, token.text, {
          logprobs,
          ...(body.return_token_ids === true && { token_ids: [token.id] }),
        });
      }
      yield chunk(tokens.length, null, { finish_reason: finish });
      yield dataLine({ ...head, choices: [], usage: usageOf(tokens.length) });
      yield 'data: [DONE]\n\n';
    };
    return { events: events() };
  };

  const standIn = await startStandIn({
    completions: ['POST /v1/chat/completions', 'POST /v1/completions'],
    routes: {
      'GET /v1/models': () => ({
        status: 200,
        json: {
          object: 'list',
          data: [card(base, base, null), ...[...loras].map(([name, path]) => card(name, path, base))],
        },
      }),
      'POST /load_lora_adapter': (body, violate) => {
        onlyFields(body, ['lora_name', 'lora_path', 'pinned'], violate);
        const { lora_name: name, lora_path: path } = body as Record<string, string>;
        const result = (success: boolean, error_message: string) => ({
          status: success ? 200 : 400,
          json: { success, error_message, loaded_adapters: Object.fromEntries(loras) },
        });
        if (loras.has(name))
          return result(false, `Failed to load LoRA adapter ${name} because it is already loaded`);
        if (!adapterDirs.includes(path))
          return result(false, `Failed to load LoRA adapter ${name}: ${path} not found`);
        loras.set(name, path);
        return result(true, '');
      },
      'POST /tokenize': (body, violate) => {
        onlyFields(body, ['model', 'prompt', 'messages', 'add_special_tokens'], violate);
        if (body.messages !== undefined && !countsMessages)
          return refusal('1 validation error: prompt: Field required');
        const count = promptTokens((body.messages ?? body.prompt) as StandInPrompt);
        const tokens = Array.from({ length: count }, (_, id) => id);
        return { status: 200, json: { tokens, count, max_model_len: contextTokens } };
      },
      'POST /v1/chat/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'messages', 'logprobs', 'top_logprobs'], violate);
        return complete(body, body.messages as StandInPrompt, true);
      },
      'POST /v1/completions': (body, violate) => {
        onlyFields(body, [...sampled, 'prompt', 'logprobs'], violate);
        return complete(body, body.prompt as StandInPrompt, false);
      },
    },
  });
  return { ...standIn, evictAdapters: () => loras.clear() };
}
