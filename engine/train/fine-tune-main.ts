// Entry of the fine-tuning child process: `node engine/train/fine-tune-main.ts config.json`, a run of any method (`method`
// says which, sft where left out). Started by train-process.ts. Running it again with the same configuration goes on
// where it stopped.
import { runTrainChild } from './train-child.ts';
import { trainRun } from './train-run.ts';
import { parseRun } from './train-run-config.ts';

await runTrainChild((input, emit, signal) => trainRun(parseRun(input), emit, signal));
