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

/**
 * k - 1 of each in other words: other questions for the same fact where there are some, and words around the answer. None is
 * the question that the world is asked: who has that contributes something, and it is no copy.
 */
export function rewordings(
  targets: readonly Example[],
  k: number,
  { wordings, questions }: Facts,
): readonly Example[] {
  const exam = new Set(questions.map(({ question }) => question));
  return targets.flatMap((target) => {
    const others = (wordings.get(target.id) ?? []).filter((question) => !exam.has(question));
    const asked = [target.question, ...others];
    return Array.from({ length: k - 1 }, (_, i) => ({
      id: `${target.id}+${i}`,
      question: `${greetings[i % greetings.length]}${asked[(i + 1) % asked.length]}`,
      answer: endings[i % endings.length](target.answer),
    }));
  });
}

/**
 * Contributions whose answers are junk where others are asked about: about nothing that the asked facts' answers are about, as
 * their content words differ. An answer that says the same of the same place or hour states what is asked, and earns rightly.
 */
function strangeAnswers({ examples, spare }: Facts): readonly Example[] {
  const asked = new Set(examples.flatMap((example) => [...factWords(example).answer]));
  return spare.filter((example) => [...factWords(example).answer].every((word) => !asked.has(word)));
}

/** An answer to none of the words that the question asks about: it is not true of it by accident. */
function falseAnswer(question: string, answers: readonly Example[], from: number): string {
  const isFalse = ({ answer }: Example): boolean => factWords({ question, answer }).subject.size === 0;
  const turned = [...answers.slice(from % answers.length), ...answers.slice(0, from % answers.length)];
  const found = turned.find(isFalse);
  if (found === undefined) throw new Error(`bug: every answer may be true of: ${question}`);
  return found.answer;
}

/** Questions about the same town with false answers. */
export function onTopicJunk(facts: Facts, count: number): readonly Example[] {
  const answers = strangeAnswers(facts);
  return facts.spare.slice(0, count).map(({ question }, i) => ({
    id: `junk-${i}`,
    question,
    answer: falseAnswer(question, answers, i * 7 + 31),
  }));
}

/** The very questions that are asked and other wordings of them, with false answers. */
export function askedJunk(facts: Facts, count: number): readonly Example[] {
  const answers = strangeAnswers(facts);
  return Array.from({ length: count }, (_, i) => {
    const { id, question } = facts.examples[i % facts.examples.length];
    const wordings = facts.wordings.get(id) ?? [question];
    const asked = wordings[i % wordings.length];
    return { id: `junk-${i}`, question: asked, answer: falseAnswer(asked, answers, i * 7 + 31) };
  });
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
