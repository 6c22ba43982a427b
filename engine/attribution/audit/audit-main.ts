// Entry of the audit's child process: one JSON job on standard input, JSON lines on standard output (progress, then done or
// failed). Started by audit-process.ts. It may be killed at any moment: what is done is in the job's working folder.
// Standard input stays open while the parent lives; when it closes, the parent is gone and the work is pointless.
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { faultOf } from '../attribute-protocol.ts';
import type { AuditEvent } from './audit-process.ts';
import { measureVersion, type VersionAuditJob } from './measure-version.ts';

const emit = (event: AuditEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

setPriority(0, 19); // before a session exists, so that its threads inherit it
const input = createInterface({ input: process.stdin });
input.once('line', (line) => {
  input.once('close', () => process.exit(1));
  const job: VersionAuditJob = JSON.parse(line);
  measureVersion(job, (done, total) => emit({ type: 'progress', done, total }))
    .then((report) => emit({ type: 'done', report }))
    .catch((error: unknown) => emit({ type: 'failed', fault: faultOf(error) }))
    .finally(() => {
      input.removeAllListeners('close');
      input.close();
      process.stdin.destroy();
    });
});
