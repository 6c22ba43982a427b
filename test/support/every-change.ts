// Every way to change a JSON value in one single place: each leaf replaced by a near neighbour of its kind, each key and
// each list item left out, a key added to each object. Generated from the value, so that a new field is covered the day it
// appears. Used by tamper tests.

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Change {
  /** Like "receipt.model.slug". */
  readonly path: string;
  readonly how: string;
  readonly changed: Json;
}

export function everyChange(value: Json, path = ''): readonly Change[] {
  const inside = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return list.flatMap((item, index) => [
      ...everyChange(item, inside(String(index))).map((change) => ({
        ...change,
        changed: list.with(index, change.changed),
      })),
      { path: inside(String(index)), how: 'left out', changed: list.toSpliced(index, 1) },
    ]);
  }
  if (typeof value === 'object' && value !== null) {
    const object = value as { readonly [key: string]: Json };
    return [
      ...Object.entries(object).flatMap(([key, member]) => {
        const { [key]: _, ...rest } = object;
        return [
          ...everyChange(member, inside(key)).map((change) => ({
            ...change,
            changed: { ...object, [key]: change.changed },
          })),
          { path: inside(key), how: 'left out', changed: rest },
        ];
      }),
      { path: inside('surplus'), how: 'added', changed: { ...object, surplus: 1 } },
    ];
  }
  return neighbours(value).map((changed) => ({
    path,
    how: `${JSON.stringify(value)?.slice(0, 20)} → ${JSON.stringify(changed)?.slice(0, 20)}`,
    changed,
  }));
}

/** Values that look alike: one digit, one letter, one step away; and null. */
function neighbours(value: string | number | boolean | null): readonly Json[] {
  if (value === null) return ['1', 0];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, value === 0 ? 0.5 : value - 1, null];
  const last = value.slice(-1);
  const other = last === '1' ? '2' : /[0-9]/.test(last) ? '1' : last === 'a' ? 'b' : 'a';
  const near = `${value.slice(0, -1)}${other}`;
  const middle = Math.floor(value.length / 2);
  const swapped = `${value.slice(0, middle)}${value[middle] === '4' ? '5' : '4'}${value.slice(middle + 1)}`;
  return [near, swapped, null, ''].filter((changed) => changed !== value);
}
