// `npm run train -- score`: what a trained reward model thinks of answers. Used by train-cli.ts. Pairs get both rewards
// and whether the chosen answer has the higher one, plain answers a reward each; one JSON line a row on standard output,
// the summary on standard error. Only differences of rewards mean something.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadLlamaWeights } from '../model/llama-weights.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { type DataReport, describeReport } from './data-intake.ts';
import { bothAnswers, readPreferenceData } from './preference-data.ts';
import { createRewardLearner } from './reward-learner.ts';
import { rewardsOf } from './reward-method.ts';
import { loadRewardModel } from './reward-model.ts';
import { exampleEncoder, readSftData } from './sft-data.ts';

export const scoreHelp = [
  'npm run train -- score --base DIR --model DIR --data FILE',
  '',
  '  --base DIR    Hugging Face folder of the base model',
  '  --model DIR   folder that `npm run train -- reward` has written',
  '  --data FILE   JSONL: {id, prompt or messages, chosen, rejected}, or {id, question, answer}',
  '',
  'prints one JSON line a row: the rewards of both answers and whether the chosen one has the higher, or of the one answer',
].join('\n');

interface ScoreOptions {
  readonly base: string;
  readonly model: string;
  readonly data: string;
}

/** @throws EngineError of reading: base, reward model, rows */
export async function scoreCommand(
  { base, model, data }: ScoreOptions,
  print: (line: string) => void,
  tell: (words: string) => void,
): Promise<void> {
  const config = loadModelConfig(base);
  const { adapter, head } = loadRewardModel(model, config);
  const maxTokens = Math.min(maxTokensOf(model), config.maxSeq);
  const options = { policy: { onBadRow: 'stop' }, encoder: exampleEncoder(base), maxTokens } as const;
  const learner = createRewardLearner({
    ...{ config, baseWeights: loadLlamaWeights(base, config), base, start: adapter, head, seed: 0 },
    lora: { ...adapter, dropout: 0 },
    compute: { threads: 1, device: 'cpu', execution: 'whole', sessionsMax: 2 },
  });
  const told = (report: DataReport): void => {
    const words = describeReport(report);
    if (words !== '') tell(`${report.file}: ${words}`);
  };
  if (holdsPairs(data)) {
    const { examples, report } = readPreferenceData(data, options);
    told(report);
    const rewards = await rewardsOf(learner, bothAnswers(examples));
    const rows = examples.map(({ id }, i) => ({ id, chosen: rewards[2 * i], rejected: rewards[2 * i + 1] }));
    for (const row of rows) print(JSON.stringify({ ...row, right: row.chosen > row.rejected }));
    const right = rows.filter(({ chosen, rejected }) => chosen > rejected).length;
    const margin = rows.reduce((sum, row) => sum + row.chosen - row.rejected, 0) / rows.length;
    tell(`${right} of ${rows.length} pairs right, mean margin ${margin.toFixed(3)}`);
  } else {
    const { examples, report } = readSftData(data, options);
    told(report);
    const rewards = await rewardsOf(learner, examples);
    for (const [i, { id }] of examples.entries()) print(JSON.stringify({ id, reward: rewards[i] }));
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    tell(`${rewards.length} answers, mean reward ${mean.toFixed(3)}`);
  }
  await learner.release();
}

/** Its first row tells; whatever is wrong with it, the reader will say. */
function holdsPairs(path: string): boolean {
  const [first] = existsSync(path) ? readFileSync(path, 'utf8').trimStart().split('\n', 1) : [''];
  return /"chosen"\s*:/.test(first);
}

/** Rows are cut as they were in training. */
function maxTokensOf(model: string): number {
  const path = join(model, 'training.json');
  const record: { readonly recipe?: { readonly maxTokens?: number } } = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : {};
  return record.recipe?.maxTokens ?? 256;
}
