// Which known texts share a trait (a word, a band of letters) with a new one: an index from trait to texts.
// Used by duplicate-clusters.ts and gradient-clusters.ts. Knows keys and numbers only.

export interface PostingLists {
  add(keys: Iterable<string>, index: number): void;
  /**
   * Those that have one of the keys, lowest index first, at most `most`: what has the rarest keys comes first, for what
   * very many have in common is no reason to compare.
   */
  sharing(keys: Iterable<string>): readonly number[];
}

export function createPostingLists(most: number): PostingLists {
  const lists = new Map<string, number[]>();
  return {
    add: (keys, index) => {
      for (const key of keys) {
        const list = lists.get(key);
        if (list === undefined) lists.set(key, [index]);
        else list.push(index);
      }
    },
    sharing: (keys) => {
      const found = new Set<number>();
      const known = [...keys].flatMap((key) => {
        const list = lists.get(key);
        return list === undefined ? [] : [list];
      });
      for (const list of known.sort((a, b) => a.length - b.length)) {
        if (found.size > 0 && found.size + list.length > most) break;
        for (const index of list.slice(0, most)) found.add(index);
      }
      return [...found].sort((a, b) => a - b);
    },
  };
}
