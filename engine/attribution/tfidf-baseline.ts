// The lexical baseline: contributions ranked by TF-IDF cosine with the question and its answer.
// Used by the attribution evaluation only, beside ours and a random order. Knows texts only.
// Weights: (1 + ln tf) · (ln((1 + N) / (1 + df)) + 1), vectors of length 1 (the common smoothed form).
import { normaliseText } from '../train/answer-match.ts';

interface LexicalIndex {
  /** Cosine of the text with each document, [documents], 0..1. */
  score(text: string): Float64Array;
}

export function tfidfIndex(documents: readonly string[]): LexicalIndex {
  const counts = documents.map(wordCounts);
  const documentFrequency = new Map<string, number>();
  for (const words of counts)
    for (const word of words.keys()) documentFrequency.set(word, (documentFrequency.get(word) ?? 0) + 1);
  const idf = (word: string): number =>
    Math.log((1 + documents.length) / (1 + (documentFrequency.get(word) ?? 0))) + 1;
  const vectors = counts.map((words) => unitVector(words, idf));
  return {
    score: (text) => {
      const query = unitVector(wordCounts(text), idf);
      return Float64Array.from(vectors, (vector) => {
        let sum = 0;
        for (const [word, weight] of query) sum += weight * (vector.get(word) ?? 0);
        return sum;
      });
    },
  };
}

function wordCounts(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of normaliseText(text).split(' '))
    if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function unitVector(
  counts: ReadonlyMap<string, number>,
  idf: (word: string) => number,
): ReadonlyMap<string, number> {
  const weighted = new Map([...counts].map(([word, count]) => [word, (1 + Math.log(count)) * idf(word)]));
  const norm = Math.hypot(...weighted.values());
  return new Map([...weighted].map(([word, weight]) => [word, norm === 0 ? 0 : weight / norm]));
}
