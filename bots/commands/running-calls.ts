// The answers being written right now, one per conversation, so that Stop can end them. Used by answer-question.ts and
// the Stop button. In memory on purpose: after a restart nothing runs. A Stop button names its run, so that an old one
// cannot end a newer answer.
import type { Source } from '../core/platform.ts';

interface RunningCall {
  readonly run: string;
  readonly signal: AbortSignal;
  end(): void;
}

export interface RunningCalls {
  begin(source: Source): RunningCall;
  /** Ends the running answer of this conversation; false when there is none (or another run is named). */
  stop(source: Source, run?: string): boolean;
  stopAll(): void;
  /** Whether this run was begun by an earlier process, which left its message behind. */
  isLeftBehind(run: string): boolean;
}

export function createRunningCalls(): RunningCalls {
  const running = new Map<string, { run: string; abort: AbortController }>();
  const keyOf = (source: Source): string => `${source.platform}:${source.conversationId}`;
  // Runs of an earlier process must not match: the counter starts at the clock.
  const startedAt = Date.now();
  let counter = startedAt;
  return {
    begin(source) {
      counter += 1;
      const run = counter.toString(36);
      const abort = new AbortController();
      running.set(keyOf(source), { run, abort });
      return {
        run,
        signal: abort.signal,
        end() {
          if (running.get(keyOf(source))?.run === run) running.delete(keyOf(source));
        },
      };
    },
    stop(source, run) {
      const call = running.get(keyOf(source));
      if (call === undefined || (run !== undefined && call.run !== run)) return false;
      call.abort.abort();
      return true;
    },
    isLeftBehind: (run) => !(Number.parseInt(run, 36) > startedAt),
    stopAll() {
      for (const { abort } of running.values()) abort.abort();
    },
  };
}
