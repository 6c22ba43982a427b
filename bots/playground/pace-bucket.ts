// Counters behind both platforms' 429 answers. Used by the local Telegram and Discord servers.
// Two shapes, because the platforms differ: Telegram refills drop by drop and punishes hammering with a longer
// wait; Discord opens a window and counts down. Both are pure state over an injected clock value (milliseconds).

interface DripRule {
  /** How many may come at once. */
  readonly burst: number;
  readonly perSecond: number;
  /** A refusal costs at least this long; every try during it makes it longer. */
  readonly penaltyMs: number;
  readonly penaltyMsMax: number;
}

export interface DripBucket {
  /** 0 when let through, else the milliseconds to stay away. */
  take(nowMs: number): number;
}

/** Telegram's kind: `burst` at once, then `perSecond`; hammering during a penalty doubles it. */
export function createDripBucket(rule: DripRule): DripBucket {
  let drops = rule.burst;
  let filledAt = Number.NaN;
  let closedUntil = 0;
  let penaltyMs = rule.penaltyMs;
  return {
    take(nowMs) {
      if (nowMs < closedUntil) {
        penaltyMs = Math.min(penaltyMs * 2, rule.penaltyMsMax);
        closedUntil = Math.min(closedUntil + penaltyMs, nowMs + rule.penaltyMsMax);
        return closedUntil - nowMs;
      }
      const elapsedMs = Number.isNaN(filledAt) ? 0 : nowMs - filledAt;
      drops = Math.min(rule.burst, drops + (elapsedMs / 1000) * rule.perSecond);
      filledAt = nowMs;
      if (drops >= 1) {
        drops -= 1;
        penaltyMs = rule.penaltyMs;
        return 0;
      }
      closedUntil = nowMs + penaltyMs;
      return penaltyMs;
    },
  };
}

export interface WindowVerdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetAtMs: number;
}

export interface WindowBucket {
  take(nowMs: number): WindowVerdict;
}

/** Discord's kind: `limit` requests per window that opens with the first of them. */
export function createWindowBucket(limit: number, windowMs: number): WindowBucket {
  let opensAt = Number.NEGATIVE_INFINITY;
  let used = 0;
  return {
    take(nowMs) {
      if (nowMs >= opensAt + windowMs) {
        opensAt = nowMs;
        used = 0;
      }
      const allowed = used < limit;
      if (allowed) used += 1;
      return { allowed, limit, remaining: limit - used, resetAtMs: opensAt + windowMs };
    },
  };
}
