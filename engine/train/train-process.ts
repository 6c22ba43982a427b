// Starts a training run as a child process and follows it. Used by train-cli.ts and train-adapter.ts. A child,
// because a run blocks its thread for long and a worker cannot be ended inside one. It knows no training.
// Aborting asks the child to stop; it ends after its current update, with a checkpoint. A child does not outlive the
// process that started it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../errors.ts';
import { backgroundCommand } from './background-command.ts';
import type { StepAside } from './step-aside.ts';
import type { TrainEvent } from './train-event.ts';
import type { TrainMethodName } from './train-recipe.ts';

export type TrainKind = 'pretrain' | TrainMethodName;

/**
 * Runs to the end.
 *
 * @param config a PretrainConfig or a TrainRun of that method; the child checks it again.
 * @param aside whom the child makes way for
 * @returns the last event: `done`, or `stopped` after an abort.
 * @throws EngineError with the child's code, or `training_died` (retry safe: the run goes on from its checkpoint).
 */
export async function runTrainProcess(
  kind: TrainKind,
  config: unknown,
  onEvent: (event: TrainEvent) => void,
  signal?: AbortSignal,
  aside?: Pick<StepAside, 'follow'>,
): Promise<Extract<TrainEvent, { type: 'done' | 'stopped' }>> {
  const scratch = mkdtempSync(join(tmpdir(), 'train-'));
  const configPath = join(scratch, 'config.json');
  writeFileSync(configPath, JSON.stringify(config));
  const file = kind === 'pretrain' ? 'pretrain-main.ts' : 'fine-tune-main.ts';
  const entry = fileURLToPath(new URL(file, import.meta.url));
  const { command, args, endsWithParent } = backgroundCommand([entry, configPath]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const leave = endsWithParent ? aside?.follow(child) : undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    child.kill('SIGCONT'); // it may be halted, and would hear of it later
  };
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  let last: TrainEvent | undefined;
  let step = 0;
  let complaint = '';
  const complain = (text: unknown): void => {
    complaint = `${complaint}${text}`.slice(-2000);
  };
  child.stderr.on('data', complain);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventOf(line);
    if (event === undefined) return complain(`${line}\n`);
    if ('step' in event) step = event.step;
    last = event;
    onEvent(event);
  });
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const exit = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve(name ?? String(code)));
    });
    if (last?.type === 'done' || last?.type === 'stopped') return last;
    if (last?.type === 'error') throw new EngineError(last.message, { code: last.code, retry: 'never' });
    // Asked before it listened for requests: the signal itself has ended it, and nothing was begun.
    if (signal?.aborted && ['SIGTERM', 'SIGINT'].includes(exit)) return { type: 'stopped', step };
    throw new EngineError(`the training process ended (${exit}) before it was done: ${complaint.trim()}`, {
      code: 'training_died',
      retry: 'safe',
    });
  } finally {
    leave?.();
    signal?.removeEventListener('abort', stop);
    process.off('exit', kill);
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Undefined for a line that a library has written. */
function eventOf(line: string): TrainEvent | undefined {
  try {
    return JSON.parse(line) as TrainEvent;
  } catch {
    return undefined;
  }
}
