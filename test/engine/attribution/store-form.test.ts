// Which form a store of so many rows of such a length gets, and how many points of the training fit it.
import { describe, expect, it } from 'vitest';
import { pointsMax, storeForm } from '../../../engine/attribution/store-form.ts';

const shippedBase = 448_512; // values of a rank-16 adapter

describe('the form of a store', () => {
  it.each([
    { rows: 1, width: shippedBase, form: 'memory' },
    { rows: 8192, width: shippedBase, form: 'memory' },
    { rows: 8193, width: shippedBase, form: 'disk' },
    { rows: 10_240, width: shippedBase, form: 'disk' },
    { rows: 10_241, width: shippedBase, form: 'landmarks' },
    { rows: 100_000, width: shippedBase, form: 'landmarks' },
    { rows: 8192, width: 4_352, form: 'memory' },
    { rows: 10_240, width: 4_352, form: 'disk' },
    { rows: 700, width: 4_884_480, form: 'memory' },
    { rows: 800, width: 4_884_480, form: 'disk' },
    { rows: 3199, width: 4_884_480, form: 'disk' },
    { rows: 3200, width: 4_884_480, form: 'landmarks' },
  ])('of $rows rows of $width values is $form', ({ rows, width, form }) => {
    expect(storeForm(rows, width)).toBe(form);
  });

  it('has as many points as 4 GiB of memory or 16 GiB of disk hold gradients of, and one at least', () => {
    expect([330, 2000, 8192].map((rows) => pointsMax('memory', rows, shippedBase))).toEqual([29, 4, 1]);
    expect([8193, 10_240].map((rows) => pointsMax('disk', rows, shippedBase))).toEqual([4, 3]);
    expect(pointsMax('disk', 3199, 12_615_680)).toBe(1);
  });
});
