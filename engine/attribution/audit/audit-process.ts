// Audits a version in a child process and follows it. Used by the engine's facade. A child, because retraining takes
// minutes to hours at the lowest priority; it makes way for answers (step-aside.ts) and does not outlive this process.
// Aborting ends it at once: each finished retraining is on disk, and the same job goes on from there.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AuditProgress, AuditReport } from '../../audit-job.ts';
import { EngineError } from '../../errors.ts';
import { backgroundCommand } from '../../train/background-command.ts';
import type { StepAside } from '../../train/step-aside.ts';
import { type AttributeFault, errorOf } from '../attribute-protocol.ts';
import type { VersionAuditJob } from './measure-version.ts';

export type AuditEvent =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'done'; readonly report: AuditReport }
  | { readonly type: 'failed'; readonly fault: AttributeFault };

/**
 * @param aside whom the child makes way for
 * @throws EngineError of the audit, `audit_cancelled` after an abort, or `audit_died` (both retry safe)
 */
export async function auditInChild(
  job: VersionAuditJob,
  onProgress: (progress: AuditProgress) => void,
  signal?: AbortSignal,
  aside?: Pick<StepAside, 'follow'>,
): Promise<AuditReport> {
  const entry = fileURLToPath(new URL('./audit-main.ts', import.meta.url));
  const { command, args, endsWithParent } = backgroundCommand([entry]);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const leave = endsWithParent ? aside?.follow(child) : undefined;
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  let outcome: Exclude<AuditEvent, { type: 'progress' }> | undefined;
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  child.stdin.on('error', () => undefined); // the exit code tells
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event: AuditEvent = JSON.parse(line);
    if (event.type === 'progress') onProgress({ done: event.done, total: event.total });
    else outcome = event;
  });
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  process.once('exit', stop);
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve(name ?? String(code)));
    });
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const exit = await ended;
    if (outcome?.type === 'done') return outcome.report;
    if (outcome?.type === 'failed') throw errorOf(outcome.fault);
    const code = signal?.aborted ? 'audit_cancelled' : 'audit_died';
    const what = signal?.aborted ? 'was stopped' : `ended early (${exit}): ${complaint.trim()}`;
    throw new EngineError(`the audit ${what}`, { code, retry: 'safe' });
  } finally {
    leave?.();
    process.off('exit', stop);
    signal?.removeEventListener('abort', stop);
  }
}
