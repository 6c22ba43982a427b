// Conversations as people hold them, through the whole engine: the bench's model of load for time to first token.
// Used by the serving bench. Each conversation has its own adapter and five turns; a turn is a message of 60 to 100
// letters (a token each) and an answer of 48 tokens; every turn sends the whole conversation so far. Between an answer
// and the next message lie 1 to 5 seconds, evenly spread (less than people need to read and type); the first messages
// come within the first 5 seconds. Time to first token: from asking to the first text.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterRef, ChatMessage, ServingBackend } from '../../engine/engine.ts';
import { seededRandom } from '../../engine/train/training-random.ts';

export const turns = 5;
const answerTokens = 48;
const letters = 'abcdefghijklmnopqrstuvwxyz';

interface ConversationOptions {
  readonly engine: Pick<ServingBackend, 'generate'>;
  readonly adapter: AdapterRef;
  readonly seed: number;
  /** Seconds before a turn, drawn from 0..1; left out = none, the conversation is alone. */
  readonly thinkSeconds?: (drawn: number, turn: number) => number;
}

/** The pauses of a person among others. */
export function personThinks(drawn: number, turn: number): number {
  return turn === 0 ? 5 * drawn : 1 + 4 * drawn;
}

/** @returns milliseconds to the first token, by turn */
export async function holdConversation(options: ConversationOptions): Promise<readonly number[]> {
  const { engine, adapter, seed, thinkSeconds } = options;
  const random = seededRandom(seed, 19);
  const messages: ChatMessage[] = [];
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const drawn = random();
    if (thinkSeconds !== undefined) await sleep(1000 * thinkSeconds(drawn, turn));
    const length = 60 + Math.floor(41 * random());
    const content = Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('');
    messages.push({ role: 'user', content });
    const startedAt = performance.now();
    let first: number | undefined;
    const asking = { messages, adapter, maxTokens: answerTokens, sampling: { temperature: 0 } };
    for await (const event of engine.generate({ ...asking, fairnessKey: `person ${seed}` })) {
      if (event.type === 'text') first ??= performance.now();
      if (event.type === 'done') messages.push({ role: 'assistant', content: event.text });
    }
    if (first === undefined) throw new Error('an answer without text');
    times.push(first - startedAt);
  }
  return times;
}
