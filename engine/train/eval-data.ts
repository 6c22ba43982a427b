// Held-out questions as JSONL: {question, expected} and, where known, the whole answer, the contribution that states the
// fact and whether its phrasing was seen in training. Used by the evaluation commands. Knows files only.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EngineError } from '../errors.ts';

const text = z.string().trim().min(1);
const heldOutSchema = z
  .object({
    question: text,
    /** The phrase that a right answer says; the whole answer where left out. */
    expected: text.optional(),
    /** A whole answer in the data's own words. */
    answer: text.optional(),
    /** What sort of question it is; figures are told for each. */
    kind: text.optional(),
    /** Id of the contribution that states the fact. */
    contributionId: z.string().optional(),
    /** All contributions that state it, where several do. */
    contributionIds: z.array(z.string()).optional(),
    /** Whether training held this way of asking, for other facts. */
    seenTemplate: z.boolean().optional(),
  })
  .transform(({ expected, ...item }, context) => {
    const phrase = expected ?? item.answer;
    if (phrase !== undefined) return { ...item, expected: phrase };
    context.addIssue({ code: 'custom', path: ['expected'], message: 'neither expected nor answer is given' });
    return z.NEVER;
  });
const exampleSchema = z.object({ id: z.string(), question: z.string().min(1), answer: z.string().min(1) });

export type HeldOutItem = z.infer<typeof heldOutSchema>;

/** @throws EngineError `file_unreadable` | `examples_malformed` naming file and line */
export function readHeldOut(path: string): readonly HeldOutItem[] {
  return readLines(path, heldOutSchema);
}

/** Contributions or decoys; further fields are left out. @throws as readHeldOut */
export function readExamples(path: string): readonly z.infer<typeof exampleSchema>[] {
  return readLines(path, exampleSchema);
}

/** The questions with the whole answers of the contributions that state their facts, where they have none of their own. */
export function withAnswers(
  items: readonly HeldOutItem[],
  examples: readonly { readonly id: string; readonly answer: string }[],
): readonly HeldOutItem[] {
  const answers = new Map(examples.map(({ id, answer }) => [id, answer]));
  return items.map((item) => {
    const answer = item.answer ?? answers.get(item.contributionId ?? '');
    return answer === undefined ? item : { ...item, answer };
  });
}

/** `count` items spread evenly over the file, the same each time. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (count >= items.length) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

function readLines<T>(path: string, schema: z.ZodType<T, z.ZodTypeDef, unknown>): readonly T[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
  return content.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const malformed = (why: string, cause?: unknown): EngineError =>
      new EngineError(`${path}:${index + 1} ${why}`, { code: 'examples_malformed', retry: 'never', cause });
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (cause) {
      throw malformed('is not a line of JSON', cause);
    }
    const parsed = schema.safeParse(row);
    if (parsed.success) return [parsed.data];
    const [issue] = parsed.error.issues;
    throw malformed(
      `is not a line of the expected form: ${[...issue.path, issue.message].join(': ')}`,
      parsed.error,
    );
  });
}
