// The questions a new version is judged by; none of them stands in the training data in these words.
// Used by train-version.ts and, for the counts it shows, by publish-rule.ts. Reads the demo's files; pure otherwise.
// - old: the held-out questions shipped with a datanet (`<slug>.heldout.jsonl`), an even sample of at most OLD_MAX.
// - new: each contribution that the current version has not seen, asked in two other wordings made by rule
//   (lower case without punctuation; as a request). These are light paraphrases: they show that the new knowledge was
//   learnt and survives another form, not that it is understood. Real paraphrases would need a second contributor.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contribution } from '../../db/schema.ts';
import type { EvalItem, Example } from '../../engine/engine.ts';

export type EvalItems = readonly EvalItem[];

const OLD_MAX = 200;

/** The shipped held-out questions of a datanet, with the whole answers that state their facts; none when there is no file. */
export async function oldHeldOut(demoDir: string, datanetSlug: string): Promise<EvalItems> {
  const rows = await jsonLines(join(demoDir, `${datanetSlug}.heldout.jsonl`));
  const answers = new Map(
    (await jsonLines(join(demoDir, `${datanetSlug}.jsonl`))).map(({ id, answer }) => [id, answer] as const),
  );
  const items = rows.map(({ question, expected, answer, contributionId }): EvalItem => {
    const whole = answer ?? answers.get(contributionId);
    return {
      question: String(question),
      expected: String(expected),
      ...(typeof whole === 'string' ? { answer: whole } : {}),
    };
  });
  const stride = Math.max(1, Math.ceil(items.length / OLD_MAX));
  // An odd stride meets every one of the four wordings a fact is asked in.
  return items.filter((_, index) => index % (stride % 2 === 0 ? stride + 1 : stride) === 0);
}

/** Without the questions whose answers were retracted: nobody is asked to know what was taken back. */
export function withoutRetracted(items: EvalItems, retracted: ReadonlySet<string>): EvalItems {
  return items.filter(({ answer, expected }) => !retracted.has(answer ?? expected));
}

/** The new contributions, each asked in two wordings that were not trained. */
export function newHeldOut(contributions: readonly Pick<Contribution, 'question' | 'answer'>[]): EvalItems {
  return contributions.flatMap(({ question, answer }) =>
    rewordings(question).map((reworded) => ({ question: reworded, expected: answer })),
  );
}

/** Texts like the datanet's that were never trained (`<slug>.decoys.jsonl`): they calibrate attribution's noise floor. */
export async function decoysOf(demoDir: string, datanetSlug: string): Promise<readonly Example[]> {
  const rows = await jsonLines(join(demoDir, `${datanetSlug}.decoys.jsonl`));
  return rows.map((row, index) => ({
    id: String(row.id ?? `decoy-${index}`),
    question: String(row.question),
    answer: String(row.answer),
  }));
}

function rewordings(question: string): readonly string[] {
  const bare = question.replace(/[?!.\s]+$/u, '');
  const plain = bare
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s'’-]+/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
  return [plain, `Please tell me: ${bare.charAt(0).toLowerCase()}${bare.slice(1)}?`];
}

/** The rows of a JSON-lines file; none when the file does not exist. */
export async function jsonLines(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await readFile(path, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT') return '';
    throw fault;
  });
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
