// How much each API key may ask: requests and tokens per minute as buckets that fill steadily, and requests at the same
// time. Used by completion-routes.ts. It knows no HTTP. Invariants: a request takes its longest answer in advance and
// gives back what it did not use, so a key cannot promise itself more tokens than it has; prompts are counted when they
// are known and may leave a debt; a request longer than a whole bucket passes when the bucket is full.
import type { ApiKey } from './api-keys.ts';

export interface KeyLimits {
  /** Takes a place, or says which limit is reached and when to come again. */
  readonly take: (key: ApiKey, tokensMax: number) => Taken | Refused;
}

interface Taken {
  readonly ok: true;
  /** For x-ratelimit-* headers; undefined where there is no limit. */
  readonly requestsLeft: number | undefined;
  readonly tokensLeft: number | undefined;
  /** Once, when the request is over. @param tokens used, prompt and answer */
  readonly giveBack: (tokens: number) => void;
}

interface Refused {
  readonly ok: false;
  readonly limit: 'requests' | 'tokens' | 'concurrent';
  readonly retryAfterMs: number;
}

interface Use {
  running: number;
  readonly requests: Bucket | undefined;
  readonly tokens: Bucket | undefined;
}

const minuteMs = 60_000;
/** A place among those at the same time comes free when some answer ends: nobody knows when. */
const concurrentRetryMs = 1000;

/** @param now milliseconds of a steady clock */
export function createKeyLimits(now: () => number = () => performance.now()): KeyLimits {
  const uses = new Map<string, Use>();
  const useOf = (key: ApiKey): Use => {
    const known = uses.get(key.sha256);
    if (known !== undefined) return known;
    const bucket = (perMinute: number | undefined) =>
      perMinute === undefined ? undefined : createBucket(perMinute, now);
    const use = { running: 0, requests: bucket(key.requestsPerMinute), tokens: bucket(key.tokensPerMinute) };
    uses.set(key.sha256, use);
    return use;
  };
  return {
    take: (key, tokensMax) => {
      const use = useOf(key);
      const { requests, tokens } = use;
      if (key.concurrent !== undefined && use.running >= key.concurrent)
        return { ok: false, limit: 'concurrent', retryAfterMs: concurrentRetryMs };
      const requestWaitMs = requests?.waitMs(1) ?? 0;
      if (requestWaitMs > 0) return { ok: false, limit: 'requests', retryAfterMs: requestWaitMs };
      const reserved = Math.min(tokensMax, key.tokensPerMinute ?? 0);
      const tokenWaitMs = tokens?.waitMs(reserved) ?? 0;
      if (tokenWaitMs > 0) return { ok: false, limit: 'tokens', retryAfterMs: tokenWaitMs };
      use.running += 1;
      requests?.add(-1);
      tokens?.add(-reserved);
      let over = false;
      const giveBack = (used: number): void => {
        if (over) throw new Error('bug: a place was given back twice');
        over = true;
        use.running -= 1;
        tokens?.add(reserved - used);
      };
      return { ok: true, requestsLeft: requests?.level(), tokensLeft: tokens?.level(), giveBack };
    },
  };
}

interface Bucket {
  readonly level: () => number;
  /** Milliseconds until `amount` is there; 0 = now. */
  readonly waitMs: (amount: number) => number;
  readonly add: (amount: number) => void;
}

/** Starts full, fills at `perMinute`, holds a minute's worth. */
function createBucket(perMinute: number, now: () => number): Bucket {
  let level = perMinute;
  let at = now();
  const fill = (): void => {
    const time = now();
    level = Math.min(perMinute, level + ((time - at) / minuteMs) * perMinute);
    at = time;
  };
  return {
    level: () => {
      fill();
      return Math.max(0, Math.floor(level));
    },
    waitMs: (amount) => {
      fill();
      // Filling adds up fractions: a thousandth is no reason to wait, nor a millionth of a millisecond.
      return level >= amount - 0.001 ? 0 : Math.ceil(((amount - level) / perMinute) * minuteMs - 1e-6);
    },
    add: (amount) => {
      fill();
      level = Math.min(perMinute, level + amount);
    },
  };
}
