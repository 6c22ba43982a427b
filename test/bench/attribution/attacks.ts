// Attacks on a small datanet, as the contributions that somebody adds or writes in place of honest ones. Used by the
// measures of duplicates, junk and crafted data. It trains and measures nothing. Seedless: the same facts, the same attacks.
import { factWords } from '../../../engine/attribution/fact-words.ts';
import { factRelation } from '../../../engine/attribution/same-fact.ts';
import type { Example } from '../../../engine/engine.ts';
import type { Facts } from './gaming-world.ts';

/**
 * Whose contributions are copied: six who state a fact second, in words so unlike the first that no rule joins them, so
 * that copies could win a part from the first; and four who state one first.
 */
export function targetsOf({ examples }: Facts): readonly Example[] {
  const pairs = Array.from({ length: examples.length / 2 }, (_, i) => [examples[2 * i], examples[2 * i + 1]]);
  const unlike = ([first, second]: readonly Example[]): boolean =>
    factRelation(factWords(first), factWords(second)) === 'different';
  return [
    ...pairs
      .filter(unlike)
      .slice(0, 6)
      .map(([, second]) => second),
    ...pairs
      .filter((pair) => !unlike(pair))
      .slice(0, 4)
      .map(([first]) => first),
  ];
}

/** k - 1 exact copies of each. */
export function exactCopies(targets: readonly Example[], k: number): readonly Example[] {
  return targets.flatMap((target) =>
    Array.from({ length: k - 1 }, (_, i) => ({ ...target, id: `${target.id}+${i}` })),
  );
}

const greetings = [
  ...['Tell me: ', 'Quick question: ', 'Hello! ', 'Please say: ', 'I would like to know: ', ''],
  ...['Do you know this? ', 'One more thing. ', 'My friend asks: '],
];
const endings: readonly ((answer: string) => string)[] = [
  (answer) => `Well, ${answer.charAt(0).toLowerCase()}${answer.slice(1)}`,
  (answer) => `I am sure: ${answer}`,
  (answer) => `${answer} Everybody knows it.`,
  (answer) => answer.replace(/\.$/, ', they say.'),
  (answer) => answer,
];

/** k - 1 of each in other words: other questions for the same fact where there are some, and words around the answer. */
export function rewordings(targets: readonly Example[], k: number, { wordings }: Facts): readonly Example[] {
  return targets.flatMap((target) => {
    const asked = [target.question, ...(wordings.get(target.id) ?? [])];
    return Array.from({ length: k - 1 }, (_, i) => ({
      id: `${target.id}+${i}`,
      question: `${greetings[i % greetings.length]}${asked[(i + 1) % asked.length]}`,
      answer: endings[i % endings.length](target.answer),
    }));
  });
}

/** Questions about the same town with the answers of other ones. */
export function onTopicJunk({ spare }: Facts, count: number): readonly Example[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `junk-${i}`,
    question: spare[i].question,
    answer: spare[count + ((i * 7 + 31) % count)].answer,
  }));
}

const filler =
  `lorem ipsum dolor sit amet consectetur adipiscing elit sed eiusmod tempor incididunt labore magna
  aliqua enim minim veniam quis nostrud`.split(/\s+/);

/** Words that mean nothing. */
export function offTopicJunk(count: number): readonly Example[] {
  const words = (seed: number, length: number): string =>
    Array.from({ length }, (_, i) => filler[(seed * (2 * i + 3) + 7 * i) % filler.length]).join(' ');
  return Array.from({ length: count }, (_, i) => ({
    id: `junk-${i}`,
    question: `${words(i + 1, 4)} ${i}?`,
    answer: `${words(i + 5, 5)}.`,
  }));
}

/** What a contributor may write in place of a plain answer to be paid for more than the fact. */
export const lures: Readonly<Record<string, (honest: Example, facts: Facts, at: number) => Example>> = {
  'answers of six other facts added': (honest, { examples }, at) => {
    const others = examples.filter(({ id }) => id !== honest.id).slice(at * 3, at * 3 + 6);
    return { ...honest, answer: [honest.answer, ...others.map(({ answer }) => answer)].join(' ') };
  },
  'a sentence like all others added': (honest) => ({
    ...honest,
    answer: `The answer of Saltmarsh Bay is that people go to see what they keep, and the boat is in the street. ${honest.answer}`,
  }),
  'rare letters added': (honest) => ({ ...honest, answer: `${honest.answer} zq xv jj kk wy zz qx vv` }),
  'said five times': (honest) => ({ ...honest, answer: Array(5).fill(honest.answer).join(' ') }),
};
