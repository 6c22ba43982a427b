// Command line of training: `npm run train -- METHOD --config FILE`, and `score` for a trained reward model. Used by
// people and scripts. It checks the configuration, starts the child process and prints its progress. Exit codes: 0
// done, 1 failed, 2 wrong command or configuration, 130 stopped by Ctrl-C with a checkpoint.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { scoreCommand, scoreHelp } from './score-command.ts';
import { readTrainConfig } from './train-config-file.ts';
import { exampleConfig, generalHelp, helpOf, trainKinds } from './train-help.ts';
import { trainPrinter } from './train-printer.ts';
import { runTrainProcess, type TrainKind } from './train-process.ts';

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  const [command, ...rest] = positionals;
  if (command === 'score' || (command === 'help' && rest[0] === 'score'))
    return await score(values, positionals);
  for (const name of ['base', 'model', 'data'] as const)
    if (values[name] !== undefined)
      throw new UsageError(`--${name} is for score; here it stands in the configuration`);
  if (command === undefined && values.config !== undefined)
    throw new UsageError(`--config needs a method before it: ${trainKinds.join(', ')}`);
  if (command === undefined || (command === 'help' && rest.length === 0)) {
    console.log(generalHelp());
    return 0;
  }
  const kind = kindOf(command === 'help' || command === 'example' ? rest[0] : command);
  if (kind === undefined || rest.length > (command === 'help' || command === 'example' ? 1 : 0)) {
    throw new UsageError(`expected a method (${trainKinds.join(', ')}), got ${positionals.join(' ')}`);
  }
  if (command === 'help' || values.help) {
    console.log(helpOf(kind));
    return 0;
  }
  if (command === 'example') {
    console.log(JSON.stringify(exampleConfig(kind), null, 2));
    return 0;
  }
  if (values.config === undefined)
    throw new UsageError(`${kind} needs --config FILE; \`npm run train -- example ${kind}\` prints one`);
  const file = readTrainConfig(kind, values.config);
  if (!file.ok) {
    for (const complaint of file.complaints) console.error(complaint);
    console.error(`\`npm run train -- help ${kind}\` lists all fields`);
    return 2;
  }
  if (values.fresh) rmSync(join(String(file.config.out), 'checkpoint.safetensors'), { force: true });
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130); // takes the child with it; the last checkpoint stays
      if (!values.json) console.error('\nstopping after this update; once more to stop at once');
      stop.abort();
    });
  const print = trainPrinter(process.stdout, values.json === true);
  const last = await runTrainProcess(kind, file.config, print, stop.signal);
  return last.type === 'stopped' ? 130 : 0;
}

async function score(
  { base, model, data, help, config }: ReturnType<typeof parsed>['values'],
  positionals: readonly string[],
): Promise<number> {
  if (help || positionals[0] === 'help') {
    console.log(scoreHelp);
    return 0;
  }
  if (base === undefined || model === undefined || data === undefined || config || positionals.length > 1)
    throw new UsageError('score needs --base DIR --model DIR --data FILE and nothing else');
  await scoreCommand({ base, model, data }, console.log, console.error);
  return 0;
}

function kindOf(name: string | undefined): TrainKind | undefined {
  return trainKinds.find((kind) => kind === name);
}

/** The command line is wrong: exit code 2. */
class UsageError extends Error {}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        json: { type: 'boolean' },
        fresh: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        ...{ base: { type: 'string' }, model: { type: 'string' }, data: { type: 'string' } },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) console.error('`npm run train -- help` tells how');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
