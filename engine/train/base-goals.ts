// What the base model was meant to reach, and what it reached: the first lines of its card. Used by base-card.ts. Pure.
// Every verdict follows from measured figures; what no figure decides is said to be so.
import type { ExamRow } from './base-card.ts';
import type { HeldOutLoss } from './held-out-loss.ts';

/** The sources of the corpus that are running text: no questions and no talk. */
export const proseSources: readonly string[] = [
  ...['african-storybook', 'children-gutenberg', 'children-standard-ebooks', 'fiction-standard-ebooks'],
  ...['textbooks', 'plain-language', 'recipes', 'factbook-backgrounds'],
];

/** Set before the training began. */
const baseGoals = { proseBitsPerByteMost: 1.35, examShareLeast: 0.7 } as const;

interface Measured {
  readonly heldOut: readonly HeldOutLoss[];
  readonly exam: readonly ExamRow[];
}

/** Rows of goal, reached, verdict. */
export function goalRows({ heldOut, exam }: Measured): readonly (readonly string[])[] {
  const prose = heldOut
    .filter(({ source }) => proseSources.includes(source))
    .sort((a, b) => a.bitsPerByte - b.bitsPerByte);
  const { right, total } = examTotals(exam);
  const { proseBitsPerByteMost, examShareLeast } = baseGoals;
  const bits = pooledBitsPerByte(prose);
  return [
    ...(prose.length === 0
      ? []
      : [
          [
            `plain prose it never saw: at most ${proseBitsPerByteMost} bits per byte`,
            `${bits.toFixed(3)} over ${prose.length} sources of prose together; the best is ${named(prose[0])}, the worst ${named(prose[prose.length - 1])}`,
            verdict(bits <= proseBitsPerByteMost),
          ],
        ]),
    ...(total === 0
      ? []
      : [
          [
            `facts it was trained on, asked in words it never saw: at least ${percent(examShareLeast)} answered right to the letter`,
            shareOf(right, total),
            verdict(right / total >= examShareLeast),
          ],
        ]),
    [
      'short conversations that stay on topic',
      'not measured by a number; the talks among the samples below show it',
      'for the reader to judge',
    ],
  ];
}

/** All bits of some sources over all their bytes: long sources count more. */
function pooledBitsPerByte(losses: readonly HeldOutLoss[]): number {
  const bytes = losses.reduce((sum, loss) => sum + loss.bytes, 0);
  return losses.reduce((sum, loss) => sum + loss.bitsPerByte * loss.bytes, 0) / bytes;
}

export function examTotals(exam: readonly ExamRow[]): { readonly right: number; readonly total: number } {
  return {
    right: exam.reduce((sum, row) => sum + row.right, 0),
    total: exam.reduce((sum, row) => sum + row.total, 0),
  };
}

/** "3,100 of 4,585 (67.6 %)" */
export function shareOf(right: number, total: number): string {
  return `${right.toLocaleString('en')} of ${total.toLocaleString('en')} (${percent(right / Math.max(1, total))})`;
}

/** Never rounded up to a goal that was missed. */
function percent(part: number): string {
  return `${(Math.floor(1000 * part + 1e-9) / 10).toFixed(1)} %`;
}

function named({ source, bitsPerByte }: HeldOutLoss): string {
  return `${source} with ${bitsPerByte.toFixed(3)}`;
}

const verdict = (isReached: boolean): string => (isReached ? 'reached' : 'not reached');
