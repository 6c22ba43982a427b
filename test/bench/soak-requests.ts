// The requests of the soak: what people and programs may send, good and bad, and how each may end. Used by soak.ts.
// Invariant: every kind says which endings are right for it, so that an answer where a refusal was due is found just
// as a refusal where an answer was due. Endings that any request may meet: the engine is busy, or (where the soak
// crashes the worker) the worker died.
import type { AdapterRef, ChatMessage, GenerateRequest, Sampling } from '../../engine/engine.ts';

export type Random = () => number;

export interface SoakRequest {
  readonly kind: string;
  readonly request: GenerateRequest;
  /** Aborted after so many milliseconds. */
  readonly abortMs?: number;
  /** The reader leaves after so many events. */
  readonly leaveAfter?: number;
  /** `done` reasons and error codes; a regular expression over `done stop`, `left`, `prompt_empty` ... */
  readonly mayEnd: RegExp;
  /** Answers of requests with the same key must be the same text. */
  readonly sameAs?: string;
}

export interface SoakAdapters {
  readonly good: readonly AdapterRef[];
  /** Missing, truncated, of another shape, not a number: each is refused when asked for. */
  readonly broken: readonly AdapterRef[];
}

const answered = /^done (stop|length)$/;
const words = [
  'tide',
  'Ort',
  'été',
  '猫',
  'granite',
  '🙂',
  'how',
  'why',
  'seven',
  'harbour',
  '\n',
  '<|end|>',
];

export function soakRequest(adapters: SoakAdapters, random: Random, contextTokens: number): SoakRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const upTo = (most: number): number => 1 + Math.floor(random() * most);
  const adapter = random() < 0.15 ? undefined : pick(adapters.good);
  const plain: GenerateRequest = {
    messages: conversation(random, contextTokens / 2),
    adapter,
    maxTokens: upTo(48),
    sampling: sampling(random),
    fairnessKey: `person ${upTo(40)}`,
  };
  const drawn = random();
  if (drawn < 0.55) return { kind: 'plain', request: plain, mayEnd: answered };
  if (drawn < 0.65) {
    const golden = Math.floor(random() * 8);
    const request: GenerateRequest = {
      messages: [{ role: 'user', content: `the golden question ${golden}` }],
      adapter: adapters.good[golden % adapters.good.length],
      maxTokens: 32,
      sampling: golden % 2 === 0 ? { temperature: 0 } : { temperature: 0.9, seed: golden },
    };
    return { kind: 'golden', request, mayEnd: answered, sameAs: `golden ${golden}` };
  }
  if (drawn < 0.75) {
    const mayEnd = /^done (stop|length|cancelled)$/;
    return { kind: 'cancelled', request: { ...plain, maxTokens: 96 }, abortMs: 300 * random() ** 2, mayEnd };
  }
  if (drawn < 0.8) {
    const mayEnd = /^(left|done (stop|length))$/;
    return { kind: 'left', request: plain, leaveAfter: upTo(4), mayEnd };
  }
  if (drawn < 0.88) {
    const mayEnd = /^(done (stop|length|deadline)|deadline_exceeded)$/;
    return { kind: 'deadline', request: { ...plain, maxTokens: 96, deadlineMs: upTo(400) }, mayEnd };
  }
  if (drawn < 0.95) {
    const mayEnd = /^(adapter_\w+|safetensors_malformed|file_unreadable|json_malformed)$/;
    return { kind: 'broken adapter', request: { ...plain, adapter: pick(adapters.broken) }, mayEnd };
  }
  return badInput(plain, pick, contextTokens);
}

/** As many as make any queue overflow, all from one person. */
export function flood(adapters: SoakAdapters, random: Random, count: number): readonly SoakRequest[] {
  return Array.from({ length: count }, () => {
    const request: GenerateRequest = {
      messages: conversation(random, 40),
      adapter: adapters.good[Math.floor(random() * adapters.good.length)],
      maxTokens: 8,
      sampling: { temperature: 0 },
      fairnessKey: 'the flood',
    };
    return { kind: 'flood', request, mayEnd: answered };
  });
}

function badInput(
  plain: GenerateRequest,
  pick: <T>(list: readonly T[]) => T,
  contextTokens: number,
): SoakRequest {
  const huge = 'x'.repeat(20 * contextTokens);
  const bad: readonly Pick<SoakRequest, 'request' | 'mayEnd'>[] = [
    { request: { ...plain, messages: [] }, mayEnd: /^prompt_empty$/ },
    { request: { ...plain, messages: [{ role: 'user', content: huge }] }, mayEnd: /^prompt_too_long$/ },
    { request: { ...plain, messages: [], prompt: [] }, mayEnd: /^prompt_empty$/ },
    { request: { ...plain, messages: [], prompt: [2 ** 31] }, mayEnd: /^prompt_invalid$/ },
    { request: { ...plain, maxTokens: 0 }, mayEnd: /^sampling_invalid$/ },
    { request: { ...plain, sampling: { temperature: Number.NaN } }, mayEnd: /^sampling_invalid$/ },
    { request: { ...plain, sampling: { temperature: 1, topP: 7 } }, mayEnd: /^sampling_invalid$/ },
  ];
  return { kind: 'bad input', ...pick(bad) };
}

/** One to five turns of made-up words, some of them awkward; letters are about as many tokens. */
function conversation(random: Random, lettersMax: number): readonly ChatMessage[] {
  const turns = 1 + 2 * Math.floor(random() * 3);
  return Array.from({ length: turns }, (_, turn) => {
    const role = turn % 2 === 0 ? 'user' : 'assistant';
    const count = 1 + Math.floor((random() * lettersMax) / turns / 6);
    const content = Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(' ');
    return { role, content };
  });
}

function sampling(random: Random): Sampling {
  const temperature = random() < 0.4 ? 0 : random() * 1.5;
  return {
    temperature,
    ...(random() < 0.3 ? { topK: 1 + Math.floor(random() * 50) } : {}),
    ...(random() < 0.3 ? { topP: 0.1 + 0.9 * random() } : {}),
    ...(random() < 0.2 ? { minP: 0.2 * random() } : {}),
    ...(random() < 0.2 ? { repetitionPenalty: 1 + random() } : {}),
    ...(random() < 0.2 ? { stop: ['e', ' the end'] } : {}),
    ...(random() < 0.2 ? { logprobs: Math.floor(random() * 6) } : {}),
    ...(random() < 0.2 ? { logitBias: { 70: 5, 80: -100 } } : {}),
  };
}
