// Is a generated answer right, and how near is it? One rule each, used by the evaluation of adapters and by the attribution evaluation.
// Knows strings only. The rule errs to the strict side, because its result stands in the model's card:
//   1. the expected phrase stands in the answer as whole words, in order, after normalisation (case, accents,
//      punctuation and spacing do not count);
//   2. the answer does not hedge: no "or", "either", "maybe", "perhaps", "possibly" that the question or the expected
//      phrase does not bring along;
//   3. the answer does not list: at most one of the other known answers (`others`) stands in it beside the expected
//      one. Words of the question and of the expected phrase do not count as others.
// Not covered: negation ("it is not Paris") and paraphrases of the expected phrase ("ten" for "10").

interface AnswerCheck {
  readonly question: string;
  readonly expected: string;
  readonly answer: string;
  /** Right answers of other questions, to tell an answer from a list. */
  readonly others?: readonly string[];
}

const hedges = ['or', 'either', 'maybe', 'perhaps', 'possibly'] as const;

export function isRightAnswer({ question, expected, answer, others = [] }: AnswerCheck): boolean {
  const said = normaliseText(answer);
  const wanted = normaliseText(expected);
  if (wanted === '' || !holdsPhrase(said, wanted)) return false;
  const asked = normaliseText(question);
  const hedged = hedges.some(
    (word) => holdsPhrase(said, word) && !holdsPhrase(asked, word) && !holdsPhrase(wanted, word),
  );
  if (hedged) return false;
  const rest = withoutPhrase(said, wanted);
  const listed = [...new Set(others.map(normaliseText))].filter(
    (other) => other !== '' && other !== wanted && holdsPhrase(rest, other) && !holdsPhrase(asked, other),
  );
  return listed.length <= 1;
}

/** Whether the answer says the phrase as whole words, after normalisation; hedged or listed does not matter here. */
export function saysPhrase(answer: string, phrase: string): boolean {
  const wanted = normaliseText(phrase);
  return wanted !== '' && holdsPhrase(normaliseText(answer), wanted);
}

/**
 * How much two texts have in common: F1 of their words after normalisation, each counted as often as it stands there
 * (the rule of SQuAD, arXiv 1606.05250 section 6.1, with articles kept). 0..1; two texts without words give 1.
 */
export function wordOverlap(answer: string, reference: string): number {
  const said = wordsOf(answer);
  const wanted = wordsOf(reference);
  if (said.length === 0 || wanted.length === 0) return said.length === wanted.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of said) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared += 1;
  }
  return (2 * shared) / (said.length + wanted.length);
}

function wordsOf(text: string): readonly string[] {
  const normal = normaliseText(text);
  return normal === '' ? [] : normal.split(' ');
}

/** Lower case without accents; every run of anything but letters and digits becomes one space. "São Tomé!" -> "sao tome". */
export function normaliseText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Whether `phrase` stands in `text` as whole words; both normalised. */
function holdsPhrase(text: string, phrase: string): boolean {
  return ` ${text} `.includes(` ${phrase} `);
}

function withoutPhrase(text: string, phrase: string): string {
  return ` ${text} `.replaceAll(` ${phrase} `, ' | ').trim();
}
