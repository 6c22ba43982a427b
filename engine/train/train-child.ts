// The frame of a training child process: lowest priority, JSON lines out, a stop request honoured. Used by
// pretrain-main.ts and fine-tune-main.ts. It knows no training. SIGTERM and SIGINT ask the run to stop; it answers
// with a checkpoint and a `stopped` line.
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { EngineError } from '../errors.ts';
import type { TrainEvent } from './train-event.ts';

type ChildRun = (config: unknown, emit: (event: TrainEvent) => void, signal: AbortSignal) => Promise<void>;

/** Reads the JSON file named by the first argument and runs. Exit code 1 and an `error` line on a fault. */
export async function runTrainChild(run: ChildRun): Promise<void> {
  setPriority(0, 19); // before the session exists, so that its threads inherit it
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  const emit = (event: TrainEvent): void => {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  };
  try {
    const [path] = process.argv.slice(2);
    if (path === undefined) throw new Error('expected the path of a JSON configuration');
    await run(JSON.parse(readFileSync(path, 'utf8')), emit, stop.signal);
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'training_failed';
    emit({ type: 'error', code, message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}
