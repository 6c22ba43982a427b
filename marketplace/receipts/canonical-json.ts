// JSON with one spelling only (RFC 8785): keys sorted, no spaces, numbers as ECMAScript prints them, so that equal data
// has equal bytes and equal hashes. Used by receipts and content hashes. Amounts travel as decimal strings, never
// numbers. It knows nothing of what it spells.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * The canonical text of `value`. Keys whose value is undefined are left out, as JSON.stringify does.
 * @throws TypeError for what JSON cannot hold: bigint, NaN, infinities, functions.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is not JSON`);
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  ) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} is not JSON`);
  const object = value as { readonly [key: string]: JsonValue | undefined };
  const members: string[] = [];
  // Array.sort without a comparator orders by UTF-16 code units, as the RFC asks.
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}
