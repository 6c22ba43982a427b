// Builds a gradient store in a child process and follows it. Used by the engine's facade.
// A child, because a run blocks its thread for long; it ends by itself when this process goes away.
import { spawn } from 'node:child_process';
import { resolve as resolvePath } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../errors.ts';
import { type AttributeFault, errorOf } from './attribute-protocol.ts';
import type { StoreBuild } from './build-store.ts';
import { removeLeftBeside } from './whole-folder.ts';

export type BuildStoreEvent =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'done'; readonly storeHash: string }
  | { readonly type: 'failed'; readonly fault: AttributeFault };

/**
 * @param onProgress gradients taken so far, of all examples and decoys
 * @throws EngineError of building, `store_build_cancelled` after an abort, or `store_build_died` (retry safe)
 */
export async function buildStoreInChild(
  build: StoreBuild,
  onProgress: (done: number, total: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<{ readonly storeHash: string }> {
  const entry = fileURLToPath(new URL('./build-store-main.ts', import.meta.url));
  const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => {
    child.kill('SIGKILL'); // nothing to save: a half-built store was never in its place
  };
  let outcome: Exclude<BuildStoreEvent, { type: 'progress' }> | undefined;
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  child.stdin.on('error', () => undefined); // the exit code tells
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event: BuildStoreEvent = JSON.parse(line);
    if (event.type === 'progress') onProgress(event.done, event.total);
    else outcome = event;
  });
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve(name ?? String(code)));
    });
    child.stdin.write(`${JSON.stringify(build)}\n`);
    const exit = await ended;
    if (outcome?.type === 'done') return { storeHash: outcome.storeHash };
    if (outcome?.type === 'failed') throw errorOf(outcome.fault);
    if (signal?.aborted)
      throw new EngineError('building the gradient store was cancelled', {
        code: 'store_build_cancelled',
        retry: 'safe',
      });
    throw new EngineError(`building the gradient store ended early (${exit}): ${complaint.trim()}`, {
      code: 'store_build_died',
      retry: 'safe',
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    if (outcome?.type !== 'done') removeLeftBeside(resolvePath(build.storeDir)); // of a killed child: gigabytes, it may be
  }
}
