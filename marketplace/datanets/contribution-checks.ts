// The automatic checks a contribution must pass before people see it, in order, each with its own reason.
// Used by contribute.ts and, for votes, feedback/preferences.ts. Pure: no database (duplicates are checked there: exact ones by
// contribution-hash.ts, near ones by similar-contribution.ts).
// Covered: size, control and direction characters, personal data, mentions, mostly letters.
// Not covered: unsafe words, names of people, which language it is, whether it is true (reviewers judge).

export interface ContributionLimits {
  readonly questionCharsMin: number;
  readonly questionCharsMax: number;
  readonly answerCharsMax: number;
}

export type CheckName =
  | 'empty'
  | 'too_short'
  | 'too_long'
  | 'control_characters'
  | 'personal_data'
  | 'mentions'
  | 'mostly_letters'
  | 'near_duplicate';

export interface CheckFailure {
  readonly check: CheckName;
  /** A sentence for the contributor, naming what was found and where. */
  readonly reason: string;
}

/** The first check that `question` and `answer` (as they will be stored) fail, or null when they pass all. */
export function failedCheck(
  { question, answer }: { readonly question: string; readonly answer: string },
  limits: ContributionLimits,
): CheckFailure | null {
  return (
    sizeFailure('question', question, limits.questionCharsMin, limits.questionCharsMax) ??
    sizeFailure('answer', answer, 1, limits.answerCharsMax) ??
    textFailure('question', question) ??
    textFailure('answer', answer) ??
    lettersFailure(question)
  );
}

function sizeFailure(field: string, text: string, charsMin: number, charsMax: number): CheckFailure | null {
  const chars = [...text].length;
  if (text.trim() === '') return { check: 'empty', reason: `The ${field} is empty.` };
  if (chars < charsMin) {
    return {
      check: 'too_short',
      reason: `The ${field} has ${chars} characters; at least ${charsMin} are needed.`,
    };
  }
  if (chars > charsMax) {
    return {
      check: 'too_long',
      reason: `The ${field} has ${chars} characters; at most ${charsMax} are taken.`,
    };
  }
  return null;
}

/** What a text of any length must not hold: control characters, personal data, mentions. */
export function textFailure(field: string, text: string): CheckFailure | null {
  const control = controlCharacter(text);
  if (control !== null) {
    return {
      check: 'control_characters',
      reason: `The ${field} contains an invisible control character (${control}). Please type it as plain text.`,
    };
  }
  const personal = personalData(text);
  if (personal !== null) {
    return {
      check: 'personal_data',
      reason: `The ${field} seems to contain ${personal}. A model must not learn personal data; please leave it out.`,
    };
  }
  const mention = MENTION.exec(text)?.[0].trim();
  if (mention !== undefined) {
    return {
      check: 'mentions',
      reason: `The ${field} mentions somebody or a channel (“${mention}”). Please write it without the mention.`,
    };
  }
  return null;
}

const LETTERS_SHARE_MIN = 0.5;

function lettersFailure(question: string): CheckFailure | null {
  const visible = [...question].filter((char) => !/\s/u.test(char));
  const letters = visible.filter((char) => /[\p{L}\p{M}]/u.test(char)).length;
  if (letters >= visible.length * LETTERS_SHARE_MIN) return null;
  const percent = Math.round((100 * letters) / visible.length);
  return {
    check: 'mostly_letters',
    reason: `Only ${percent} % of the question are letters; a question in words is needed.`,
  };
}

/** Names the first control, zero-width or direction-changing character, e.g. "U+202E"; null when there is none. */
export function controlCharacter(text: string): string | null {
  const found = /[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\p{Cs}]/u.exec(
    text.replace(/[\t\n\r]/g, ' '),
  );
  if (found === null) return null;
  const point = found[0].codePointAt(0) ?? 0;
  return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}

const EMAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/u;
/** Discord and Telegram mention markup, mass mentions, and @names that start a word. */
const MENTION = /<[@#][!&]?\d+>|<@|tg:\/\/user\?id=|@(everyone|here)\b|(^|[\s(])@\p{L}[\p{L}\p{N}_]{2,}/iu;
/** +49 30 1234567 · (030) 123 45 67 · 555-123-4567 · 0151 23456789. Grouped thousands and years do not match. */
const PHONES = [
  /\+\d[\d ().\-/]{6,18}\d/,
  /\(0?\d{2,4}\)[ -]?\d{3,4}[ -]?\d{2,4}/,
  /(?<!\d)\d{3}[-. ]\d{3}[-. ]\d{4}(?!\d)/,
  /(?<!\d)0\d{2,4}[ /-]\d{3,4}[ -]?\d{2,5}(?!\d)/,
];
const CARD = /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g;

function personalData(text: string): string | null {
  if (EMAIL.test(text)) return 'an e-mail address';
  for (const [run] of text.matchAll(CARD)) if (passesLuhn(run)) return 'a payment card number';
  if (PHONES.some((phone) => phone.test(text))) return 'a phone number';
  return null;
}

/** Luhn's check (ISO/IEC 7812-1 annex B): every second digit from the right doubled, digit sum divisible by 10. */
function passesLuhn(run: string): boolean {
  const digits = [...run].filter((char) => char >= '0' && char <= '9').map(Number);
  const total = digits.toReversed().reduce((sum, digit, place) => {
    const weighted = place % 2 === 1 ? digit * 2 : digit;
    return sum + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return total % 10 === 0 && digits.some((digit) => digit !== 0);
}
