// The chunks of a remote completion as our events. Used by remote-backend.ts. It knows no HTTP and no dialects: it takes
// what any of the four servers puts into a chunk. Chunk shapes: platform.openai.com/docs/api-reference/chat-streaming;
// usage in each chunk (vLLM, SGLang, ours: continuous_usage_stats), `timings` in each chunk (llama.cpp).
// Invariants: `start` comes first, then text, then one `done`; the pieces joined are the text of `done`; what the server
// metered is the usage, chunks are only counted where it metered nothing.
import type { GenerateEvent, TokenLogprob, Usage } from '../engine.ts';
import { isRecord } from '../model/json-file.ts';
import { brokenOff, errorOfEvent, malformed } from './errors.ts';
import { remoteLogprobs } from './remote-logprobs.ts';
import type { parseSse } from './sse-parser.ts';

export interface RemoteStream {
  readonly events: AsyncGenerator<GenerateEvent, void, void>;
  /** What came so far, for an answer that is cut short from here. */
  readonly soFar: () => { readonly text: string; readonly usage: Usage };
}

interface RemoteStreamOptions {
  readonly sse: ReturnType<typeof parseSse>;
  /** Where the first chunk does not tell the prompt's tokens. */
  readonly promptTokens: () => Promise<number>;
  readonly droppedMessages: number;
}

type DoneReason = Extract<GenerateEvent, { type: 'done' }>['reason'];

/** @throws EngineError `remote_broken_off` when the stream ends or fails before it is whole */
export function remoteStream({
  sse,
  promptTokens: counted,
  droppedMessages,
}: RemoteStreamOptions): RemoteStream {
  let text = '';
  let chunks = 0;
  let promptTokens: number | undefined;
  let completionTokens: number | undefined;
  let reason: DoneReason | undefined;
  const usage = (): Usage => ({
    promptTokens: promptTokens ?? 0,
    completionTokens: completionTokens ?? chunks,
  });

  const meter = (chunk: Readonly<Record<string, unknown>>): void => {
    const { usage: given, timings } = chunk;
    if (isRecord(given)) {
      promptTokens = numberOr(given.prompt_tokens, promptTokens);
      completionTokens = numberOr(given.completion_tokens, completionTokens);
    } else if (isRecord(timings)) {
      const { prompt_n: read, cache_n: reused = 0, predicted_n: written } = timings;
      if (typeof read === 'number') promptTokens = read + (numberOr(reused, 0) ?? 0);
      completionTokens = numberOr(written, completionTokens);
    }
  };

  async function* events(): AsyncGenerator<GenerateEvent, void, void> {
    let started = false;
    for await (const event of sse) {
      if (event.type === 'comment') {
        const position = Number(/^queued (\d+)$/.exec(event.text)?.[1] ?? 0);
        if (position > 0) yield { type: 'queued', position };
        continue;
      }
      if (event.data === '[DONE]') break;
      const chunk = parsed(event.data);
      if (chunk.error !== undefined || chunk.object === 'error') throw errorOfEvent(chunk);
      meter(chunk);
      if (!started) {
        started = true;
        promptTokens ??= await counted();
        const dropped = numberOr(chunk.dropped_messages, droppedMessages) ?? droppedMessages;
        yield { type: 'start', promptTokens, droppedMessages: dropped };
      }
      const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
      if (!isRecord(choice)) continue;
      const piece = pieceOf(choice);
      const logprobs = remoteLogprobs(choice);
      if (piece !== '' || logprobs !== undefined) {
        chunks += logprobs?.length ?? 1;
        text += piece;
        yield textEvent(piece, completionTokens ?? chunks, logprobs);
      }
      reason = reasonOf(choice.finish_reason) ?? reason;
    }
    if (reason === undefined) throw brokenOff('the stream ended before the answer was done');
    yield { type: 'done', reason, text, usage: usage() };
  }
  return { events: events(), soFar: () => ({ text, usage: usage() }) };
}

function textEvent(
  text: string,
  completionTokens: number,
  logprobs: readonly TokenLogprob[] | undefined,
): GenerateEvent {
  const event = { type: 'text', text, completionTokens } as const;
  return logprobs === undefined ? event : { ...event, logprobs };
}

function parsed(data: string): Readonly<Record<string, unknown>> {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    throw malformed(`a chunk is not JSON: ${data.slice(0, 80)}`);
  }
  if (!isRecord(chunk)) throw malformed('a chunk is no object');
  return chunk;
}

/** `delta.content` of a conversation, `text` of a bare completion. */
function pieceOf(choice: Readonly<Record<string, unknown>>): string {
  const content = isRecord(choice.delta) ? choice.delta.content : choice.text;
  return typeof content === 'string' ? content : '';
}

function reasonOf(finish: unknown): DoneReason | undefined {
  if (finish === null || finish === undefined) return undefined;
  if (finish === 'length' || finish === 'deadline') return finish;
  if (finish === 'abort') throw brokenOff('the server aborted the answer');
  return 'stop'; // stop, tool_calls, content_filter: the model will say no more
}

function numberOr(value: unknown, otherwise: number | undefined): number | undefined {
  return typeof value === 'number' ? value : otherwise;
}
