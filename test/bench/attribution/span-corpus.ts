// Contributions and answers for the span measure: real English where shared/data is on this machine (novels, tales, textbooks,
// talks), else generated words with the frequencies of a language. Seeded: same machine, same texts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../../engine/corpus/seeded-random.ts';
import type { Example } from '../../../engine/engine.ts';

export interface SpanCorpus {
  readonly examples: readonly Example[];
  /** Of the same kind as the examples, in none of them. */
  readonly others: readonly string[];
  /** What the texts are, for the report. */
  readonly source: string;
}

/** Letters of an average contribution, and of a word or mark with its space. */
const contributionLetters = 400;
const lettersPerToken = 4.8;

/** At least `tokens` words and marks. */
export function spanCorpus(tokens: number): SpanCorpus {
  const letters = tokens * lettersPerToken;
  const texts = sharedTexts(letters * 1.05);
  const source = texts === undefined ? 'generated words (no shared/data here)' : 'English from shared/data';
  const pieces = (texts ?? generatedTexts(letters * 1.05)).flatMap(piecesOf);
  const examples: Example[] = [];
  let taken = 0;
  for (const piece of pieces) {
    if (taken >= letters) break;
    const cut = piece.indexOf(' ', 60);
    examples.push({ id: `c${examples.length}`, question: piece.slice(0, cut), answer: piece.slice(cut) });
    taken += piece.length;
  }
  return { examples, others: pieces.slice(examples.length), source };
}

/**
 * Answers of 64 words: text that no contribution holds, with stretches of 4 to 24 words copied from contributions into it,
 * about half of the words.
 */
export function spanAnswers(corpus: SpanCorpus, count: number): readonly string[] {
  const random = seededRandom(6);
  const wordsOf = (text: string, size: number): readonly string[] => {
    const words = text.split(/\s+/);
    const from = random.below(Math.max(1, words.length - size));
    return words.slice(from, from + size);
  };
  return Array.from({ length: count }, () => {
    const answer: string[] = [];
    while (answer.length < 64) {
      answer.push(...wordsOf(random.pick(corpus.others), 4 + random.below(20)));
      answer.push(...wordsOf(random.pick(corpus.examples).answer, 4 + random.below(20)));
    }
    return answer.slice(0, 64).join(' ');
  });
}

function sharedTexts(letters: number): readonly string[] | undefined {
  const data = join(process.env.SHARED_DIR ?? join(import.meta.dirname, '../../../../shared'), 'data');
  if (!existsSync(data)) return undefined;
  const texts: string[] = [];
  let taken = 0;
  for (const folder of ['text', 'dialogue'])
    for (const name of readdirSync(join(data, folder)).sort()) {
      if (!/^(standardebooks|openstax|gutenberg|self-dialogue).*\.jsonl$/.test(name)) continue;
      for (const line of readFileSync(join(data, folder, name), 'utf8').split('\n')) {
        if (line === '') continue;
        const row: { readonly text?: string; readonly turns?: readonly (readonly string[])[] } =
          JSON.parse(line);
        const text = row.text ?? (row.turns ?? []).map(([, said]) => said).join(' ');
        texts.push(text);
        taken += text.length;
        if (taken > letters) return texts;
      }
    }
  return texts;
}

/** Words drawn with Zipf's frequencies; every eighth text repeats twenty words of an earlier one. */
function generatedTexts(letters: number): readonly string[] {
  const random = seededRandom(7);
  const vocabulary = Array.from({ length: 60_000 }, (_, i) => {
    let word = '';
    for (let rest = i + 1; rest > 0; rest = Math.floor(rest / 60))
      word += 'bcdfglmnprst'[rest % 12] + 'aeiou'[Math.floor(rest / 12) % 5];
    return word;
  });
  const texts: string[] = [];
  for (let taken = 0; taken < letters; taken += texts[texts.length - 1].length + 1) {
    const words = Array.from({ length: 75 }, () => vocabulary[Math.floor(60_000 ** random.next()) - 1]);
    if (texts.length % 8 === 7) words.splice(20, 20, ...random.pick(texts).split(' ').slice(30, 50));
    texts.push(words.join(' '));
  }
  return texts;
}

function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    const space = text.indexOf(' ', from + contributionLetters);
    const end = space === -1 ? text.length : space;
    if (end - from > 100) pieces.push(text.slice(from, end).trim());
    from = end;
  }
  return pieces;
}
