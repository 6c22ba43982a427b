// Texts that share most of their letters, found without comparing all pairs: MinHash signatures in bands
// (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3). Used by duplicate-clusters.ts
// and same-fact.ts. Pure; knows texts only.
// Invariant: the same text gives the same bands, whatever came before it.

/** Letters of one shingle. */
const shingleSize = 5;
/** Pairs with Jaccard 0.8 share a band with probability 1 - (1 - 0.8^4)^16 = 0.9998, those with 0.3 with 0.12. */
const bandCount = 16;
const bandRows = 4;

/** All runs of 5 characters. A shorter text is its own only shingle. */
export function shingles(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (let at = 0; at + shingleSize <= text.length; at++) found.add(text.slice(at, at + shingleSize));
  return found.size > 0 ? found : new Set([text]);
}

/** |A ∩ B| / |A ∪ B| */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const value of a) if (b.has(value)) shared += 1;
  const all = a.size + b.size - shared;
  return all === 0 ? 1 : shared / all;
}

/** One text for each band of the signature: two texts that agree in any of them are worth comparing. */
export function minHashBands(values: ReadonlySet<string>): readonly string[] {
  const signature = new Uint32Array(bandCount * bandRows).fill(0xffffffff);
  for (const value of values) {
    const hash = hash32(value);
    for (let row = 0; row < signature.length; row++)
      signature[row] = Math.min(signature[row], mixed(hash, row));
  }
  return Array.from(
    { length: bandCount },
    (_, band) => `${band}:${signature.subarray(band * bandRows, (band + 1) * bandRows).join()}`,
  );
}

/** FNV-1a over UTF-16 units. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The finaliser of MurmurHash3 over hash and row: one hash function for each row. */
function mixed(hash: number, row: number): number {
  let h = hash ^ Math.imul(row + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
