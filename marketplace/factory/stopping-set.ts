// The held-out examples whose loss is drawn beside a run's own and may stop it early: shipped held-out questions that
// evaluate-candidate.ts does not ask, so that a version is never judged by what it was stopped by. Used by train-phases.ts.
import { join } from 'node:path';
import type { Example } from '../../engine/engine.ts';
import { jsonLines, oldHeldOut } from './held-out.ts';

/** Enough for a steady mean; each costs a forward pass every time it is looked at. */
const ITEMS_MAX = 32;

/** None where the datanet ships no held-out questions, or too few to spare some. */
export async function stoppingSet(demoDir: string, datanetSlug: string): Promise<readonly Example[]> {
  const asked = new Set((await oldHeldOut(demoDir, datanetSlug)).map((item) => item.question));
  const rows = await jsonLines(join(demoDir, `${datanetSlug}.heldout.jsonl`));
  const spare = rows.filter((row) => !asked.has(String(row.question)));
  const stride = Math.max(1, Math.ceil(spare.length / ITEMS_MAX));
  // The whole answer as its contribution gives it: the loss of the bare phrase that an examiner looks for rises while
  // a model learns to answer in sentences, and would end its training at the wrong time.
  const answers = new Map(
    (await jsonLines(join(demoDir, `${datanetSlug}.jsonl`))).map((row) => [
      String(row.id),
      String(row.answer),
    ]),
  );
  return spare
    .filter((_, index) => index % stride === 0)
    .flatMap((row, index) => {
      const answer = answers.get(String(row.contributionId));
      return answer === undefined
        ? []
        : [{ id: `held-out-${index}`, question: String(row.question), answer }];
    });
}
