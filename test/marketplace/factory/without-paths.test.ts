// What people read of a fault names no folder of the machine.
import { describe, expect, it } from 'vitest';
import { withoutPaths } from '../../../marketplace/factory/without-paths.ts';

describe('a fault in words for people', () => {
  it.each([
    ['/home/ann/.data/adapters/a/v2/data.jsonl:7: no answer', '…/data.jsonl:7: no answer'],
    ['cannot read "/srv/x/base/config.json"', 'cannot read "…/config.json"'],
    ["ENOENT: no such file, open 'C:\\Users\\ann\\x.bin'", "ENOENT: no such file, open '…/x.bin'"],
    ['(/var/lib/openmodels/)', '(…)'],
  ])('%s', (said, shown) => {
    expect(withoutPaths(said)).toBe(shown);
  });

  it.each([
    'loss is NaN at step 3/4: lower the learning rate',
    'see https://example.org/docs/training for more',
    'tokens/s fell to 2',
    '👍 and/or 👎',
  ])('leaves alone: %s', (text) => {
    expect(withoutPaths(text)).toBe(text);
  });
});
