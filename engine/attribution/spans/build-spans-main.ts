// Entry of the child process that builds a span index: one JSON job on standard input, one JSON line with the outcome on
// standard output. Started by build-spans-process.ts. A child, because ten million words take seconds and hundreds of
// megabytes that are given back when it ends; at the lowest priority, and it may be killed at any moment: an index appears
// whole or not at all. It notices nothing while it works; without a parent it ends when it is done.
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { BuildSpanIndexJob } from '../../engine.ts';
import { faultOf } from '../attribute-protocol.ts';
import type { BuildSpansOutcome } from './build-spans-process.ts';
import { buildSpanIndex } from './span-index-build.ts';

setPriority(0, 19);
const input = createInterface({ input: process.stdin });
input.once('line', (line) => {
  const job: BuildSpanIndexJob = JSON.parse(line);
  let outcome: BuildSpansOutcome;
  try {
    outcome = { type: 'done', ...buildSpanIndex(job) };
  } catch (error) {
    outcome = { type: 'failed', fault: faultOf(error) };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  input.close();
  process.stdin.destroy();
});
