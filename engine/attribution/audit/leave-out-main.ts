// Entry of a retraining child: one JSON job on standard input, the number of finished retrainings on standard output, a line
// each. Started by leave-out-process.ts. It may be killed at any moment: what is done is in the job's file.
// Standard input stays open while the parent lives; when it closes, the parent is gone and the work is pointless.
import { createInterface } from 'node:readline';
import { type LeaveOutJob, leaveOutRuns } from './leave-out-runs.ts';

const input = createInterface({ input: process.stdin });
input.once('line', async (line) => {
  const orphaned = (): void => process.exit(1);
  input.once('close', orphaned);
  const job: LeaveOutJob = JSON.parse(line);
  await leaveOutRuns(job, (done) => void process.stdout.write(`${done}\n`));
  input.off('close', orphaned);
  input.close();
  process.stdin.destroy();
});
