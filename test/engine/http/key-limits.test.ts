// Buckets of requests and tokens per key, on a clock that the test turns.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiKey } from '../../../engine/http/api-keys.ts';
import { createKeyLimits } from '../../../engine/http/key-limits.ts';

const key = (limits: Partial<ApiKey>): ApiKey => ({
  name: 'k',
  sha256: 'a'.repeat(64),
  createdAt: '',
  admin: false,
  ...limits,
});

function clocked() {
  let now = 0;
  const pass = (ms: number): void => {
    now += ms;
  };
  return { limits: createKeyLimits(() => now), pass };
}

describe('limits of a key', () => {
  it('6 requests a minute: six at once, then one every 10 s', () => {
    const { limits, pass } = clocked();
    const ask = () => limits.take(key({ requestsPerMinute: 6 }), 1);
    for (let asked = 0; asked < 6; asked++) expect(ask().ok).toBe(true);
    expect(ask()).toEqual({ ok: false, limit: 'requests', retryAfterMs: 10_000 });
    pass(9_900);
    expect(ask()).toEqual({ ok: false, limit: 'requests', retryAfterMs: 100 });
    pass(100);
    expect(ask().ok).toBe(true);
    expect(ask().ok).toBe(false);
  });

  it('100 tokens a minute: 80 reserved leave 20; a long prompt leaves a debt that time pays', () => {
    const { limits, pass } = clocked();
    const ask = (tokens: number) => limits.take(key({ tokensPerMinute: 100 }), tokens);
    const first = ask(80);
    expect(first).toMatchObject({ ok: true, tokensLeft: 20 });
    expect(ask(30)).toEqual({ ok: false, limit: 'tokens', retryAfterMs: 6_000 });
    if (first.ok) first.giveBack(160);
    expect(ask(1)).toEqual({ ok: false, limit: 'tokens', retryAfterMs: 36_600 }); // 60 of debt, 1 wanted
    pass(36_600);
    expect(ask(1).ok).toBe(true);
  });

  it('an answer longer than a minute’s tokens passes when the bucket is full', () => {
    const { limits } = clocked();
    const first = limits.take(key({ tokensPerMinute: 100 }), 5_000);
    expect(first).toMatchObject({ ok: true, tokensLeft: 0 });
    if (!first.ok) return;
    first.giveBack(10);
    expect(() => first.giveBack(10)).toThrow('bug: a place was given back twice');
    expect(limits.take(key({ tokensPerMinute: 100 }), 90).ok).toBe(true);
  });

  it('keys do not share, and no key without limits is ever refused', () => {
    const { limits } = clocked();
    const [one, other] = [key({ concurrent: 1 }), key({ concurrent: 1, sha256: 'b'.repeat(64) })];
    expect([limits.take(one, 1).ok, limits.take(one, 1).ok, limits.take(other, 1).ok]).toEqual([
      true,
      false,
      true,
    ]);
    const free = key({ sha256: 'c'.repeat(64) });
    for (let asked = 0; asked < 1000; asked++) expect(limits.take(free, 1e6).ok).toBe(true);
  });

  it('never lets through more than a minute’s tokens and what flows in, whatever is asked', () => {
    const step = fc.record({ ms: fc.nat(20_000), max: fc.integer({ min: 1, max: 150 }), part: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { limits, pass } = clocked();
        let elapsed = 0;
        let used = 0;
        for (const { ms, max, part } of steps) {
          pass(ms);
          elapsed += ms;
          const taken = limits.take(key({ tokensPerMinute: 100 }), max);
          if (!taken.ok) continue;
          const tokens = Math.floor((Math.min(max, 100) * part) / 100);
          used += tokens;
          taken.giveBack(tokens);
        }
        expect(used).toBeLessThanOrEqual(100 + (elapsed / 60_000) * 100 + 0.1);
      }),
    );
  });
});
