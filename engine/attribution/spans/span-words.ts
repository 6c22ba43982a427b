// A text as the words and marks that spans are made of. Used by the span index builder and by searching.
// A token of the index is a word, a number, a single punctuation mark, or a single sign of a script that puts no spaces
// between words. Not a token of the model: its byte-pair tokens differ at the beginning of a text, after a line break and
// by capitals ("Lima", " Lima", "lima"): of the 782 phrases that answers of the demo models must say, 26 are found in their
// datanets by the model's tokens, all 782 by these. And agents answer with other models.
// Two words are equal when they are so but for capitals, Unicode form, invisible signs and the kind of apostrophe: the
// folding of duplicate-clusters.ts. Invariant: [start, end) are UTF-16 offsets of the text as given.

export interface SpanWord {
  /** The folded word: what is compared. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const letter = String.raw`[[\p{L}\p{M}\p{Cf}]--[${unspaced}]]`;
const pattern = new RegExp(String.raw`${letter}+(?:['’]${letter}+)*|[\p{N}\p{Cf}]+|\S`, 'gv');
const hasLetter = /[\p{L}\p{N}]/u;

/** A splitter that remembers words it has folded; make one for many texts of a build, or one for a question. */
export function createWordSplitter(): (text: string) => readonly SpanWord[] {
  const folded = new Map<string, string>();
  const fold = (piece: string): string => {
    let key = folded.get(piece);
    if (key === undefined) {
      key = foldWord(piece);
      folded.set(piece, key);
    }
    return key;
  };
  return (text) => {
    const words: SpanWord[] = [];
    for (const match of text.matchAll(pattern)) {
      const key = fold(match[0]);
      if (key !== '') words.push({ key, start: match.index, end: match.index + match[0].length });
    }
    return words;
  };
}

/** False for punctuation. */
export function isWord(key: string): boolean {
  return hasLetter.test(key);
}

function foldWord(piece: string): string {
  return piece
    .toWellFormed()
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Cf}/gu, '')
    .replace(/’/g, "'")
    .replace(/\s+/g, '');
}
