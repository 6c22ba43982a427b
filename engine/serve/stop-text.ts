// Ends a text before the first of some stop strings, while it is being written. Used by answer-stream.ts. It knows no
// tokens. Invariants: no part of a stop string is given out before it is clear that it is none; what comes out does not
// depend on how the text was cut into pieces (of several stop strings, the one that is complete first counts).
import { EngineError } from '../errors.ts';

interface StopText {
  /** The text that is certain with this piece. After `stopped` nothing more is to be pushed. */
  readonly push: (piece: string) => { readonly text: string; readonly stopped: boolean };
  /** What is still held back: the text ended and it was no stop string. */
  readonly flush: () => string;
}

/** @throws EngineError `sampling_invalid` for an empty or broken stop string */
export function createStopText(stops: readonly string[] = []): StopText {
  for (const stop of stops) {
    if (stop === '' || !stop.isWellFormed())
      throw new EngineError(`stop is ${JSON.stringify(stop)}, expected a text of at least one character`, {
        code: 'sampling_invalid',
        retry: 'never',
      });
  }
  let held = '';
  return {
    push: (piece) => {
      held += piece;
      const start = firstStop(held, stops);
      if (start !== undefined) {
        const text = held.slice(0, start);
        held = '';
        return { text, stopped: true };
      }
      const text = held.slice(0, held.length - openLength(held, stops));
      held = held.slice(text.length);
      return { text, stopped: false };
    },
    flush: () => {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** Where the stop string starts that is complete first; of two that end together, the longer one. */
function firstStop(text: string, stops: readonly string[]): number | undefined {
  let best: { start: number; end: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (best === undefined || end < best.end || (end === best.end && start < best.start))
      best = { start, end };
  }
  return best?.start;
}

/** Characters at the end of the text that may be the beginning of a stop string. */
function openLength(text: string, stops: readonly string[]): number {
  let open = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > open; length--) {
      if (text.endsWith(stop.slice(0, length))) open = length;
    }
  }
  return open;
}
