// The body of POST /v1/chat/completions and /v1/completions, read into a request of the engine. Used by
// completion-routes.ts. Pure; it knows no models and no keys. Invariant: a parameter that would change the answer is
// obeyed or refused by its name, never dropped in silence; those that cannot change it (`metadata`, `store`) are.
// Parameters: OpenAI's, and vLLM's additions top_k, min_p, repetition_penalty; ours is deadline_ms.
import { z } from 'zod';
import type { ChatMessage, GenerateRequest, Sampling } from '../engine.ts';
import { badRequest } from './errors.ts';

export interface CompletionCall {
  readonly kind: 'chat' | 'text';
  /** Undefined = the base model. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** A last chunk with the usage; `each` = every chunk has it so far. */
  readonly usage: 'none' | 'last' | 'each';
  readonly request: GenerateRequest;
}

/** null is the same as left out, as in OpenAI's API. */
const maybe = <T extends z.ZodTypeAny>(schema: T) =>
  schema.nullish().transform((value): z.output<T> | undefined => value ?? undefined);

const stopMax = 16;
const userCharsMax = 256;
const messagesMax = 2048;

const sampled = {
  model: maybe(z.string()),
  max_tokens: maybe(z.number().int().min(1)),
  temperature: maybe(z.number().min(0).max(2)),
  top_p: maybe(z.number().gt(0).max(1)),
  top_k: maybe(z.number().int().min(-1)),
  min_p: maybe(z.number().min(0).max(1)),
  repetition_penalty: maybe(z.number().gt(0).max(10)),
  stop: maybe(z.union([z.string().min(1), z.array(z.string().min(1)).max(stopMax)])),
  seed: maybe(z.number().int().safe()),
  logit_bias: maybe(z.record(z.string().regex(/^\d+$/, 'keys are token ids'), z.number().min(-100).max(100))),
  user: maybe(z.string().max(userCharsMax)),
  stream: maybe(z.boolean()),
  stream_options: maybe(
    z.object({ include_usage: maybe(z.boolean()), continuous_usage_stats: maybe(z.boolean()) }),
  ),
  deadline_ms: maybe(z.number().int().min(1)),
};

const textPart = z.object({
  type: z.literal('text', { message: 'only text parts are supported' }),
  text: z.string(),
});

const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([
    z.string(),
    z.array(textPart).transform((parts) => parts.map(({ text }) => text).join('')),
  ]),
  tool_calls: maybe(z.array(z.unknown()).max(0, 'tools are not supported')),
});

const chatShape = {
  ...sampled,
  messages: z.array(message).min(1).max(messagesMax),
  max_completion_tokens: maybe(z.number().int().min(1)),
  logprobs: maybe(z.boolean()),
  top_logprobs: maybe(z.number().int().min(0).max(20)),
};

const textShape = {
  ...sampled,
  prompt: z.union([
    z.string(),
    z.array(z.number().int().min(0)).min(1),
    z.array(z.string()).length(1, 'one prompt a request'),
    z.array(z.array(z.number().int().min(0)).min(1)).length(1, 'one prompt a request'),
  ]),
  logprobs: maybe(z.number().int().min(0).max(20)),
};

/** Cannot change the answer. */
const harmless: ReadonlySet<string> = new Set([
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'parallel_tool_calls',
]);

/** Refused but for the value that asks for nothing (null always does). */
const unsupported: Readonly<Record<string, { readonly neutral: readonly unknown[]; readonly hint: string }>> =
  {
    n: { neutral: [1], hint: 'one answer a request: send several requests' },
    best_of: { neutral: [1], hint: 'one answer a request' },
    echo: { neutral: [false], hint: 'the prompt is not repeated' },
    suffix: { neutral: [''], hint: 'text is continued, not filled in' },
    presence_penalty: { neutral: [0], hint: 'use repetition_penalty' },
    frequency_penalty: { neutral: [0], hint: 'use repetition_penalty' },
    tools: { neutral: [], hint: 'no tools' },
    tool_choice: { neutral: ['none', 'auto'], hint: 'no tools' },
    functions: { neutral: [], hint: 'no functions' },
    function_call: { neutral: ['none', 'auto'], hint: 'no functions' },
    response_format: { neutral: ['text'], hint: 'only {"type":"text"}' },
    modalities: { neutral: ['text'], hint: 'only ["text"]' },
    use_beam_search: { neutral: [false], hint: 'no beams' },
    min_tokens: { neutral: [0], hint: 'use logit_bias' },
    ignore_eos: { neutral: [false], hint: 'use logit_bias' },
  };

const chatBody = z.object(chatShape);
const textBody = z.object(textShape);
/** What OpenAI's /v1/completions writes when it is not told how much. */
const textTokensDefault = 16;

/** @param contextTokens longest answer where the body names none @throws HttpFault 400 that names the parameter */
export function chatCall(body: unknown, contextTokens: number): CompletionCall {
  const read = parsed(body, chatBody, chatShape);
  const maxTokens = read.max_completion_tokens ?? read.max_tokens ?? contextTokens;
  if (read.top_logprobs !== undefined && read.logprobs !== true)
    throw badRequest('top_logprobs needs logprobs: true', 'top_logprobs');
  const logprobs = read.logprobs === true ? (read.top_logprobs ?? 0) : undefined;
  const messages = read.messages.map(
    ({ role, content }): ChatMessage => ({ role: role === 'developer' ? 'system' : role, content }),
  );
  return callOf('chat', read, { messages, maxTokens, sampling: samplingOf(read, logprobs) });
}

/** @throws HttpFault 400 that names the parameter */
export function textCall(body: unknown): CompletionCall {
  const read = parsed(body, textBody, textShape);
  const { prompt: given, max_tokens: maxTokens = textTokensDefault } = read;
  const prompt = isNested(given) ? given[0] : given;
  return callOf('text', read, { messages: [], prompt, maxTokens, sampling: samplingOf(read, read.logprobs) });
}

type Prompts = z.output<typeof textBody>['prompt'];
const isNested = (prompt: Prompts): prompt is string[] | number[][] =>
  Array.isArray(prompt) && typeof prompt[0] !== 'number';

type Sampled = Omit<z.output<typeof textBody>, 'prompt' | 'logprobs'>;

function callOf(kind: CompletionCall['kind'], read: Sampled, request: GenerateRequest): CompletionCall {
  const { model, stream = false, stream_options: options, user, deadline_ms: deadlineMs } = read;
  if (options !== undefined && !stream)
    throw badRequest('stream_options needs stream: true', 'stream_options');
  const usage = !options?.include_usage ? 'none' : options.continuous_usage_stats ? 'each' : 'last';
  return { kind, model, stream, usage, request: { ...request, fairnessKey: user, deadlineMs } };
}

function samplingOf(read: Sampled, logprobs: number | undefined): Sampling {
  const { top_k: topK, stop } = read;
  const stops = typeof stop === 'string' ? [stop] : stop;
  return {
    temperature: read.temperature ?? 1,
    topK: topK !== undefined && topK > 0 ? topK : undefined,
    topP: read.top_p,
    minP: read.min_p,
    repetitionPenalty: read.repetition_penalty,
    logitBias: read.logit_bias,
    stop: stops?.length ? stops : undefined,
    logprobs,
    seed: read.seed,
  };
}

function parsed<Shape extends z.ZodRawShape>(
  body: unknown,
  schema: z.ZodObject<Shape>,
  shape: Shape,
): z.output<z.ZodObject<Shape>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('The body must be a JSON object.');
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(shape, name) || harmless.has(name) || value === null) continue;
    const known = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
    if (known === undefined)
      throw badRequest(
        `Unrecognized request argument: ${name.slice(0, 60)}`,
        name.slice(0, 60),
        'unknown_parameter',
      );
    if (!asksForNothing(value, known.neutral))
      throw badRequest(`${name} is not supported: ${known.hint}.`, name, 'unsupported_parameter');
  }
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  const path = issue.path.join('.');
  throw badRequest(`${path}: ${issue.message}`, path);
}

/** 0 for 0, [] for [], ['text'] for 'text', { type: 'text' } for 'text'. */
function asksForNothing(value: unknown, neutral: readonly unknown[]): boolean {
  if (Array.isArray(value)) return value.every((entry) => neutral.includes(entry));
  const plain = typeof value === 'object' && value !== null && 'type' in value ? value.type : value;
  return neutral.includes(plain);
}

/** Of a union's alternatives the one that came furthest says best what is wrong. */
function deepest(issue: z.ZodIssue): z.ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.unionErrors.flatMap(({ issues }) => issues.map(deepest));
  return inner.reduce((best, other) => (other.path.length > best.path.length ? other : best), inner[0]);
}
