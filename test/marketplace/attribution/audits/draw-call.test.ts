// Drawing calls for a check: one in a hundred by a salt, told from its commitment, foreseeable by nobody without the salt.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { commitmentOf, dayOf, drawOf } from '../../../../marketplace/attribution/audits/draw-call.ts';

const SALTS = [1, 2].map((at) => `0x${createHash('sha256').update(`salt ${at}`).digest('hex')}`);
const salt = (at: number) => SALTS[at - 1];
const calls = Array.from({ length: 20_000 }, (_, i) => `call_${i}`);

it('draws about one call in a hundred: 200 of 20,000, within four standard deviations', () => {
  const drawn = calls.filter((id) => drawOf(salt(1), id) < 0.01);
  expect(Math.abs(drawn.length - 200)).toBeLessThan(57);
});

it('draws the same calls again for who knows the salt, and others under another salt', () => {
  const drawn = (at: number) => calls.filter((id) => drawOf(salt(at), id) < 0.01);
  const [first, other] = [drawn(1), new Set(drawn(2))];
  expect(drawn(1)).toEqual(first);
  expect(first.filter((id) => other.has(id)).length).toBeLessThan(15); // 2 by chance
});

it('commits to the salt by the hash of its 32 bytes, and reckons days in UTC', () => {
  expect(commitmentOf(`0x${'00'.repeat(32)}`)).toBe(
    '0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
  );
  expect(dayOf(new Date('2026-03-01T23:59:59.999Z'))).toBe('2026-03-01');
});
