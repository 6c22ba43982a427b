// Builds a span index in a child process and waits for it. Used by the engine's facade.
// The child ends by itself when this process goes away; what it has not finished leaves no index behind.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BuildSpanIndexJob } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import { type AttributeFault, errorOf } from '../attribute-protocol.ts';
import type { BuiltSpanIndex } from './span-index-build.ts';

export type BuildSpansOutcome =
  | ({ readonly type: 'done' } & BuiltSpanIndex)
  | { readonly type: 'failed'; readonly fault: AttributeFault };

/**
 * @throws EngineError of building, `span_build_cancelled` after an abort, or `span_build_died` (both retry safe)
 */
export async function buildSpansInChild(
  job: BuildSpanIndexJob,
  signal?: AbortSignal,
): Promise<BuiltSpanIndex> {
  const entry = fileURLToPath(new URL('./build-spans-main.ts', import.meta.url));
  const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  let told = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => {
    told += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  child.stdin.on('error', () => undefined); // the exit tells
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve(name ?? String(code)));
    });
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const exit = await ended;
    const outcome: BuildSpansOutcome | undefined = told.endsWith('\n') ? JSON.parse(told) : undefined;
    if (outcome?.type === 'done') return { indexHash: outcome.indexHash, tokens: outcome.tokens };
    if (outcome?.type === 'failed') throw errorOf(outcome.fault);
    const [what, code] = signal?.aborted
      ? ['was cancelled', 'span_build_cancelled']
      : [`ended early (${exit}): ${complaint.trim()}`, 'span_build_died'];
    throw new EngineError(`building the span index ${what}`, { code, retry: 'safe' });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
