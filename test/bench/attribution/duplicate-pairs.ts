// Pairs of contributions of which we know whether they state the same fact: those of the demo datanets, copies of them that
// were altered a little, and look-alikes that state something else. Used by the cluster measure and its test. Pure.
import { readFileSync } from 'node:fs';
import type { Example } from '../../../engine/engine.ts';

export interface LabelledPair {
  readonly kind: string;
  readonly same: boolean;
  readonly first: Words;
  readonly later: Words;
}

type Words = Pick<Example, 'question' | 'answer'>;

interface HeldOut {
  readonly contributionId: string;
  readonly contributionIds?: readonly string[];
  readonly question: string;
  readonly expected: string;
}

export interface LabelledDatanet {
  readonly examples: readonly Example[];
  /** The fact that each states, by id. */
  readonly factOf: ReadonlyMap<string, string>;
  /** The words of the answer that are asked for, by id. */
  readonly values: ReadonlyMap<string, string>;
  readonly heldOut: readonly HeldOut[];
}

function lines<T>(name: string): readonly T[] {
  const path = new URL(`../../../marketplace/demo/${name}.jsonl`, import.meta.url);
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function labelledDatanet(slug: string): LabelledDatanet {
  const heldOut = lines<HeldOut>(`${slug}.heldout`);
  const ids = ({ contributionId, contributionIds = [contributionId] }: HeldOut): readonly string[] =>
    contributionIds;
  return {
    examples: lines<Example>(slug),
    factOf: new Map(heldOut.flatMap((item) => ids(item).map((id) => [id, ids(item)[0]] as const))),
    values: new Map(heldOut.flatMap((item) => ids(item).map((id) => [id, item.expected] as const))),
    heldOut,
  };
}

/** Copies and look-alikes of every contribution. */
export function craftedPairs({
  examples,
  factOf,
  values,
  heldOut,
}: LabelledDatanet): readonly LabelledPair[] {
  return examples.flatMap((example, at) => {
    const { question, answer } = example;
    const value = values.get(example.id) ?? answer;
    const asked = heldOut.find(
      (item) => factOf.get(item.contributionId) === factOf.get(example.id) && item.question !== question,
    );
    const same = (kind: string, later: Words): LabelledPair => ({ kind, same: true, first: example, later });
    const other = (kind: string, first: Words, later: Words): LabelledPair => ({
      kind,
      same: false,
      first,
      later,
    });
    const stranger = examples[(at * 31 + 17) % examples.length];
    const otherValue = values.get(stranger.id) ?? '';
    const pairs = [
      same('polite words', { question: `Please tell me: ${question}`, answer: `Well, ${answer}` }),
      same('other marks', {
        question: question.toLowerCase().replace(/[?.,!]/g, ''),
        answer: `${answer.replace(/\.$/, '')}!!`,
      }),
      same('a letter lost', { question, answer: withoutLetter(answer) }),
      same('said twice', { question, answer: `${answer} ${answer}` }),
      same('kindness added', { question, answer: `${answer} I hope this helps you.` }),
      ...(asked === undefined
        ? []
        : [
            same('asked otherwise', { question: asked.question, answer }),
            same('answered briefly', { question: asked.question, answer: `It is ${value}.` }),
          ]),
    ];
    if (factOf.get(stranger.id) === factOf.get(example.id) || otherValue === value) return pairs;
    if (answer.includes(value) && !answer.includes(otherValue))
      pairs.push(
        other('another value', example, { question, answer: answer.replaceAll(value, otherValue) }),
        other(
          'another value, briefly',
          { question, answer: `It is ${value}.` },
          { question, answer: `It is ${otherValue}.` },
        ),
      );
    const [name, otherName] = [nameIn(answer, value), nameIn(stranger.answer, otherValue)];
    if (name !== undefined && otherName !== undefined && !otherName.includes(name) && question.includes(name))
      pairs.push(
        other('about another', example, {
          question: question.replaceAll(name, otherName),
          answer: answer.replaceAll(name, otherName),
        }),
        other(
          'about another, briefly',
          { question, answer: `It is ${value}.` },
          { question: question.replaceAll(name, otherName), answer: `It is ${value}.` },
        ),
      );
    return pairs;
  });
}

/** The longest word without its fourth letter. */
function withoutLetter(text: string): string {
  const longest = text.split(' ').reduce((best, word) => (word.length > best.length ? word : best), '');
  return text.replace(longest, `${longest.slice(0, 3)}${longest.slice(4)}`);
}

/** A name in the answer beside its value: words with capitals. */
function nameIn(answer: string, value: string): string | undefined {
  const found = [...answer.replace(value, '').matchAll(/(?<=\S )(?:\p{Lu}\p{Ll}+ )*\p{Lu}\p{Ll}+/gu)];
  return found[0]?.[0];
}
