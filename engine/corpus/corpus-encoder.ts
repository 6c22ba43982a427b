// Turns corpus text into ids of a vocabulary we trained, fast: each distinct word is merged once and remembered.
// Used by: build-corpus. Gives the ids that the loaded tokenizer gives (tested); special tokens are passed as ids, text
// that looks like a special token is plain text here.

import { byteLevel, splitText } from './byte-level.ts';
import { applyMerge, type BpeVocabulary, specialTokens } from './train-tokenizer.ts';

/** A function from text to token ids. */
export function createCorpusEncoder(vocabulary: BpeVocabulary): (text: string) => readonly number[] {
  const firstByteId = specialTokens.length;
  const firstMergeId = firstByteId + 256;
  const idOfCharacter = new Map(
    vocabulary.tokens.slice(firstByteId, firstMergeId).map((character, i) => [character, firstByteId + i]),
  );
  const rank = new Map(vocabulary.merges.map(([left, right], i) => [left * 65536 + right, i]));
  const remembered = new Map<string, readonly number[]>();

  const encodePiece = (piece: string): readonly number[] => {
    let ids = Array.from(byteLevel(piece), (character) => idOfCharacter.get(character) ?? 0);
    while (ids.length > 1) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 1 < ids.length; i++)
        best = Math.min(best, rank.get(ids[i] * 65536 + ids[i + 1]) ?? best);
      if (best === Number.POSITIVE_INFINITY) break;
      const [left, right] = vocabulary.merges[best];
      ids = applyMerge(ids, left, right, firstMergeId + best);
    }
    return ids;
  };

  return (text) => {
    const out: number[] = [];
    for (const piece of splitText(text)) {
      let ids = remembered.get(piece);
      if (ids === undefined) {
        ids = encodePiece(piece);
        remembered.set(piece, ids);
      }
      for (const id of ids) out.push(id);
    }
    return out;
  };
}
