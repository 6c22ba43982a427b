/**
 * The curve of a training run: one row a point, phase by phase. How thin it is, the writer decides.
 */
import type { Database } from '../database.ts';
import type { TrainingPoint } from '../schema.ts';

/** Adds a point; a run that went on from an earlier step writes its points again. */
export async function addTrainingPoint(db: Database, point: Omit<TrainingPoint, 'createdAt'>): Promise<void> {
  const { loss, heldOutLoss, tokensPerSecond } = point;
  await db
    .insertInto('trainingPoint')
    .values(point)
    .onConflict((conflict) =>
      conflict
        .columns(['trainingRunId', 'phase', 'step'])
        .doUpdateSet({ loss, heldOutLoss, tokensPerSecond }),
    )
    .execute();
}

/** In the order in which they were made: phases as they ran, steps rising. */
export async function trainingPoints(db: Database, trainingRunId: string): Promise<readonly TrainingPoint[]> {
  const order = { sft: 0, dpo: 1, orpo: 1, kto: 2 } as const;
  const points = await db
    .selectFrom('trainingPoint')
    .selectAll()
    .where('trainingRunId', '=', trainingRunId)
    .orderBy('step')
    .execute();
  return points.toSorted((a, b) => order[a.phase] - order[b.phase] || a.step - b.step);
}
