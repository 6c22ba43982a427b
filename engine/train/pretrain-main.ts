// Entry of the pre-training child process: `node engine/train/pretrain-main.ts config.json`. Started by
// train-cli.ts or by hand. Running it again with the same configuration goes on where it stopped.
import { pretrain } from './pretrain.ts';
import { pretrainConfigSchema } from './pretrain-config.ts';
import { runTrainChild } from './train-child.ts';

await runTrainChild((config, emit, signal) => pretrain(pretrainConfigSchema.parse(config), emit, signal));
