// The adapter as it was on the way of its own run, for attribution: a few states evenly spaced by the sum of learning rates,
// in float16, each a PEFT folder `checkpoints/<update>` inside the run's folder; the last one is the finished adapter
// itself. Used by training-loop.ts and, to read them, by the gradient store's builder. It knows no gradients.
// Invariants: the same run keeps the same states, stopped and resumed or not; what is listed is on disk; no state from
// after the weights that were kept is listed. Other methods of resuming or publishing never need these folders.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { TrainingCheckpoint } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { adapterPaths } from '../model/lora-adapter.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';
import type { UpdatePlan } from './update-plan.ts';

/** A state by the number of updates that led to it. */
type KeptState = Pick<TrainingCheckpoint, 'step' | 'learningRateSum'>;

interface RunCheckpoints {
  /** Saves the state after update `step` if it is one of those to keep. */
  readonly note: (step: number, save: (folder: string) => void) => void;
  /**
   * The states that lead to the weights that were kept, oldest first, they themselves last.
   * @param clear removes states from after them; not where the run will go on
   */
  readonly finish: (keptStep: number, clear: boolean) => readonly KeptState[];
}

const folderName = 'checkpoints';
const recordName = 'training.json';

/**
 * @param count of states, the finished adapter among them; 0 keeps none
 * @param resumed false: what lies in the folder is of another run and goes
 */
export function runCheckpoints(
  out: string,
  plan: Pick<UpdatePlan, 'steps' | 'learningRate'>,
  count: number,
  resumed: boolean,
): RunCheckpoints {
  const folder = join(out, folderName);
  if (!resumed) rmSync(folder, { recursive: true, force: true });
  const marks = evenSteps(plan, count);
  return {
    note: (step, save) => {
      if (!marks.includes(step)) return;
      const at = join(folder, String(step));
      save(at);
      const { weights } = adapterPaths(at);
      writeSafetensors(weights, readSafetensors(weights), { dtype: 'F16' });
    },
    finish: (keptStep, clear) => {
      if (clear)
        for (const step of marks)
          if (step >= keptStep) rmSync(join(folder, String(step)), { recursive: true, force: true });
      if (count === 0) return [];
      const steps = [...marks.filter((step) => step < keptStep), keptStep];
      return steps.map((step, i) => ({ step, learningRateSum: rateSum(plan, steps[i - 1] ?? 0, step) }));
    },
  };
}

/**
 * The states that an adapter's folder holds, oldest first, the adapter itself last; none where its run kept none.
 * @throws EngineError `checkpoints_malformed` when the record names what is not there
 */
export function readRunCheckpoints(adapterDir: string): readonly TrainingCheckpoint[] {
  const path = join(adapterDir, recordName);
  if (!existsSync(path)) return [];
  const malformed = (why: string, cause?: unknown): EngineError =>
    new EngineError(`${path} ${why}`, { code: 'checkpoints_malformed', retry: 'never', cause });
  let states: readonly KeptState[];
  try {
    states = recordSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).checkpoints ?? [];
  } catch (cause) {
    throw malformed('is not the record of a training', cause);
  }
  return states.map((state, i) => {
    const dir = i + 1 === states.length ? adapterDir : join(adapterDir, folderName, String(state.step));
    if (!existsSync(adapterPaths(dir).weights))
      throw malformed(`names the state of update ${state.step}, which is not there`);
    return { dir, ...state };
  });
}

const recordSchema = z.object({
  checkpoints: z
    .array(z.object({ step: z.number().int().nonnegative(), learningRateSum: z.number().nonnegative() }))
    .optional(),
});

/** The updates after which 1/count, 2/count, ... of all learning rates have been spent; without the last one. */
function evenSteps(plan: Pick<UpdatePlan, 'steps' | 'learningRate'>, count: number): readonly number[] {
  const total = rateSum(plan, 0, plan.steps);
  const marks: number[] = [];
  let spent = 0;
  for (let step = 1; step < plan.steps && marks.length + 1 < count; step++) {
    spent += plan.learningRate(step - 1);
    if (spent >= (total * (marks.length + 1)) / count) marks.push(step);
  }
  return marks;
}

/** Of updates from + 1 to `to`. */
function rateSum(plan: Pick<UpdatePlan, 'learningRate'>, from: number, to: number): number {
  let sum = 0;
  for (let step = from; step < to; step++) sum += plan.learningRate(step);
  return sum;
}
