// `npm run make-base -- --data DIR`: the one command that makes the shipped base model: corpus, tokenizer, pre-training,
// instruct-tuning, export with card. Used by people. Stopped and started again it goes on from its checkpoint; the corpus
// is built once.
// Exit codes: 0 done, 1 failed, 2 wrong command.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exportBase } from './export-base.ts';
import { pretrainConfigSchema } from './pretrain-config.ts';
import { runTrainProcess } from './train-process.ts';

const help = `npm run make-base -- --data DIR [options]   makes the shipped base model

  --data DIR      source files, as engine/corpus/corpus-sources.ts names them
  --work DIR      folder for corpus, checkpoints and log (default .data/make-base)
  --recipe FILE   other recipe of pre-training (default engine/base/recipe.json)
  --instruct-recipe FILE
                  other recipe of instruct-tuning (default engine/base/instruct-recipe.json)
  --out DIR       where the finished model goes (default engine/base)
  --threads N     compute threads of tuning, examination and samples (default 2)

  --export-only --model DIR --corpus DIR --log FILE [--log FILE …]
                  writes the folder from a finished training; --log once for each part of the run, in order
  --instruct DIR  with --export-only: what npm run train -- full wrote from --model; its weights are shipped
  --first-corpus DIR --first-updates N
                  with --export-only: another corpus that the first N updates were trained on`;

const repository = fileURLToPath(new URL('../..', import.meta.url));

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      ...{ data: text, work: text, recipe: text, out: text, threads: text, model: text, corpus: text },
      ...{ log: { type: 'string', multiple: true }, 'export-only': flag, help: flag },
      ...{ instruct: text, 'instruct-recipe': text, 'first-corpus': text, 'first-updates': text },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const { data, work = join(repository, '.data', 'make-base') } = values;
  if (data === undefined) {
    console.error('expected --data DIR; see --help');
    return 2;
  }
  const out = values.out ?? join(repository, 'engine', 'base');
  const threads = Number(values.threads ?? 2);
  if (values['export-only']) {
    const { model, corpus, log: logs } = values;
    if (model === undefined || corpus === undefined || logs === undefined) {
      console.error('--export-only needs --model, --corpus and --log; see --help');
      return 2;
    }
    const { instruct, 'first-corpus': dir, 'first-updates': updates } = values;
    if ((dir === undefined) !== (updates === undefined) || !(Number(updates ?? 1) > 0)) {
      console.error('--first-corpus DIR and --first-updates N belong together; see --help');
      return 2;
    }
    const firstCorpus = dir === undefined ? undefined : { dir, updates: Number(updates) };
    await exportBase({ data, out, threads, model, corpus, logs, instruct, firstCorpus });
    console.log('the model folder is written');
    return 0;
  }
  const recipePath = values.recipe ?? join(repository, 'engine', 'base', 'recipe.json');
  const instructPath =
    values['instruct-recipe'] ?? join(repository, 'engine', 'base', 'instruct-recipe.json');
  const corpus = join(work, 'corpus');
  const model = join(work, 'model');
  const log = join(work, 'log.jsonl');
  const recipe = pretrainConfigSchema.parse({
    ...JSON.parse(readFileSync(recipePath, 'utf8')),
    data: corpus,
    out: model,
  });
  mkdirSync(work, { recursive: true });
  if (!existsSync(join(corpus, 'corpus.json'))) {
    console.log('1 of 4: corpus and tokenizer');
    await buildCorpus(data, corpus);
  }
  console.log('2 of 4: pre-training');
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  if (!(await trained('pretrain', recipe, stop.signal, log))) return 0;
  console.log('3 of 4: instruct-tuning');
  const tuned = join(work, 'instruct');
  const tuning = {
    ...{ method: 'full', base: model, data: join(corpus, 'instruct.jsonl'), out: tuned, onBadRow: 'skip' },
    ...{ threads, recipe: JSON.parse(readFileSync(instructPath, 'utf8')) },
  };
  if (!(await trained('full', tuning, stop.signal))) return 0;
  console.log('4 of 4: export');
  await exportBase({ data, out, threads, model, corpus, logs: [log], instruct: tuned });
  console.log('the model folder is written');
  return 0;
}

/** Follows a training to its end. @returns false where it was stopped */
async function trained(
  kind: 'pretrain' | 'full',
  config: unknown,
  signal: AbortSignal,
  log?: string,
): Promise<boolean> {
  const last = await runTrainProcess(
    kind,
    config,
    (event) => {
      if (log !== undefined) appendFileSync(log, `${JSON.stringify(event)}\n`);
      if (event.type !== 'progress') return;
      const { step, steps, loss, tokensPerSecond, etaSeconds } = event;
      const left = `${Math.ceil(etaSeconds / 60)} minutes left`;
      console.log(
        `update ${step} of ${steps}  loss ${loss.toFixed(3)}  ${tokensPerSecond} tokens/s  ${left}`,
      );
    },
    signal,
  );
  if (last.type === 'stopped')
    console.log(`stopped at update ${last.step}; the same command goes on from there`);
  return last.type === 'done';
}

async function buildCorpus(data: string, out: string): Promise<void> {
  const script = fileURLToPath(new URL('../corpus/build-corpus.ts', import.meta.url));
  const child = spawn(process.execPath, [script, '--data', data, '--out', out], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`building the corpus ended with ${code}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
