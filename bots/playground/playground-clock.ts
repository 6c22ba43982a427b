// Time as the playground sees it: every expiry, pace limit and timestamp of the local servers asks this clock,
// so that a test can put in a clock it moves by hand. Must not know what the time is used for.

export interface PlaygroundClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

/** The machine's own clock. Its timers never keep the process alive. */
export const systemClock: PlaygroundClock = {
  now: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
