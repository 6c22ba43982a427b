// A whole model that learns: every weight of the base is trained and written as a Hugging Face folder of its own. Used
// by train-run.ts for full fine-tuning. It knows no data and no loss. Invariant: the arrays it is given are copied; the
// base they came from stays as it was.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LlamaConfig, toConfigJson } from '../model/model-config.ts';
import { type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import type { Learner } from './learner.ts';
import { type ComputeOptions, learnerSessions } from './learner-sessions.ts';
import { copiedWeights, countNumbers, weightsIdentity } from './weights-identity.ts';

interface FullLearnerOptions {
  readonly config: LlamaConfig;
  readonly baseWeights: TensorMap;
  /** Folder of the base, whose tokenizer and chat template go with the new model. */
  readonly base: string;
  readonly compute: ComputeOptions;
}

const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
  'chat_template.json',
];

export function createFullLearner({ config, baseWeights, base, compute }: FullLearnerOptions): Learner {
  const trained = copiedWeights(baseWeights);
  const sessions = learnerSessions({ config, compute, gradients: 'full', weights: trained });
  return {
    trained,
    parameters: countNumbers(trained),
    identity: weightsIdentity(baseWeights),
    score: sessions.score,
    differentiate: sessions.differentiate,
    save: (folder) => {
      mkdirSync(folder, { recursive: true });
      writeSafetensors(join(folder, 'model.safetensors'), trained);
      writeFileSync(join(folder, 'config.json'), `${JSON.stringify(toConfigJson(config), null, 2)}\n`);
      for (const file of companions.filter((name) => existsSync(join(base, name))))
        copyFileSync(join(base, file), join(folder, file));
    },
    release: sessions.release,
  };
}
