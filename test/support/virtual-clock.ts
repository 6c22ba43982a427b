// A clock that stands still until a test moves it. For the playground's servers; knows nothing of them.

import type { PlaygroundClock } from '../../bots/playground/playground-clock.ts';

export interface VirtualClock extends PlaygroundClock {
  /** Moves time on, running what falls due in order. */
  advance(ms: number): void;
}

export function createVirtualClock(startMs = Date.now()): VirtualClock {
  let nowMs = startMs;
  let timers: { readonly at: number; readonly action: () => void }[] = [];
  return {
    now: () => nowMs,
    after(delayMs, action) {
      const timer = { at: nowMs + delayMs, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const until = nowMs + ms;
      for (;;) {
        const [due] = timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at);
        if (due === undefined) break;
        timers = timers.filter((timer) => timer !== due);
        nowMs = due.at;
        due.action();
      }
      nowMs = until;
    },
  };
}
