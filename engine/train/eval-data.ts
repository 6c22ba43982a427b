// Held-out questions as JSONL: {question, expected} and, where known, the contribution that states the fact and whether
// its phrasing was seen in training. Used by the two evaluation commands. Knows files only.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EngineError } from '../errors.ts';

const heldOutSchema = z.object({
  question: z.string().min(1),
  expected: z.string().min(1),
  /** Id of the contribution that states the fact. */
  contributionId: z.string().optional(),
  /** Whether training held this way of asking, for other facts. */
  seenTemplate: z.boolean().optional(),
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

/** `count` items spread evenly over the file, the same each time. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (count >= items.length) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

function readLines<T>(path: string, schema: z.ZodType<T>): readonly T[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [schema.parse(JSON.parse(line))];
    } catch (cause) {
      throw new EngineError(`${path}:${index + 1} is not a line of the expected form`, {
        code: 'examples_malformed',
        retry: 'never',
        cause,
      });
    }
  });
}
