// Training data from children's stories, for right-checks on real weights: the beginning of a story asks, what comes next
// answers. Written as files, as people bring data. The last stories are held out of every file. It is not in the
// repository: a credit for each story is in the data's own file.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, shuffledIndices } from '../../../engine/train/training-random.ts';
import { sharedData } from '../model/shared-data.ts';

interface StoryPart {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
}

export interface StorySets {
  readonly train: readonly StoryPart[];
  readonly heldOut: readonly StoryPart[];
}

const partCharacters = 100;
const heldOutCount = 32;

/** Undefined, with the reason printed, where the machine has no stories. */
export function storySets(count: number): StorySets | undefined {
  const path = sharedData('text/african-storybook-en.ccby.jsonl');
  if (path === undefined) return undefined;
  const parts = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line): readonly StoryPart[] => {
      const { id, text }: { readonly id: string; readonly text: string } = JSON.parse(line);
      const sentences = text.replaceAll(/\s+/g, ' ').split(/(?<=[.!?]) /);
      const question = upTo(sentences);
      const answer = upTo(sentences.slice(question.length));
      return answer.length < 2 ? [] : [{ id, question: question.join(' '), answer: answer.join(' ') }];
    });
  return { train: parts.slice(0, count), heldOut: parts.slice(-heldOutCount) };
}

/** The true continuation is preferred to that of another story. */
export function preferenceRows(parts: readonly StoryPart[]): readonly object[] {
  return parts.map(({ id, question, answer }, i) => ({
    ...{ id, prompt: question, chosen: answer },
    rejected: parts[(i + 7) % parts.length].answer,
  }));
}

/** Thumbs: every fifth answer has its words in another order and was found bad. */
export function ratedRows(parts: readonly StoryPart[]): readonly object[] {
  return parts.map(({ id, question, answer }, i) => {
    const good = i % 5 !== 4;
    return { id, prompt: question, completion: good ? answer : mixedUp(answer, i), label: good };
  });
}

function mixedUp(text: string, seed: number): string {
  const words = text.split(' ');
  return Array.from(shuffledIndices(words.length, seededRandom(seed)), (index) => words[index]).join(' ');
}

/** @returns the file's path */
export function writeRows(folder: string, name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** Whole sentences of about so many characters. */
function upTo(sentences: readonly string[]): readonly string[] {
  let length = 0;
  const end = sentences.findIndex((sentence) => {
    length += sentence.length + 1;
    return length > partCharacters;
  });
  return end < 0 ? sentences : sentences.slice(0, Math.max(1, end));
}
