// Command line of models: `npm run models -- pull|list|remove|inspect`. Used by people and scripts. It reads arguments
// and environment and decides exit codes: 0 done, 1 the world said no, 2 the command is wrong, 130 stopped by Ctrl-C.
// What is printed is decided in the file of each command. The hub's token is read in hub-request.ts and never printed.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EngineError } from '../errors.ts';
import { inspectCommand } from './inspect-command.ts';
import { listCommand, removeCommand } from './list-command.ts';
import { modelInside, modelsFolder, parseRepoName } from './models-folder.ts';
import { pullCommand } from './pull-command.ts';

const help = `npm run models -- pull ORG/NAME [options]      get a model or a LoRA adapter from the Hugging Face hub
npm run models -- list [options]               what is here
npm run models -- remove ORG/NAME [options]    delete it from here
npm run models -- inspect FOLDER|ORG/NAME      what it is, what memory it needs, whether this engine serves it

pull goes on from where it was stopped, checks every file's checksum, and refuses what this engine cannot serve
before it fetches any weight.

all:
  --dir DIR           the models folder (default: MODELS_DIR, else models in DATA_DIR, else .data/models)
  --json              one JSON object a line
pull:
  --revision REV      branch, tag or commit (default main)
remove:
  --yes               without asking
inspect:
  --base DIR          the base model that an adapter is checked against

environment:
  MODELS_DIR          the models folder
  HF_TOKEN            token of your Hugging Face account, for gated and private models
  HF_ENDPOINT         another hub or mirror (default https://huggingface.co)`;

/** The command line is wrong: exit code 2. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  const [command, ...names] = positionals;
  if (values.help || command === undefined || command === 'help') {
    console.log(help);
    return 0;
  }
  const models = values.dir ?? modelsFolder(process.env);
  const only = (...options: readonly (keyof typeof values)[]): void => {
    const odd = Object.keys(values).find(
      (name) => ![...options, 'dir', 'json'].some((known) => known === name),
    );
    if (odd !== undefined) throw new UsageError(`${command} takes no --${odd}`);
  };
  const name = (): string => {
    if (names.length !== 1) throw new UsageError(`${command} takes one name, got ${names.length}`);
    return names[0];
  };
  const json = values.json === true;
  switch (command) {
    case 'pull': {
      only('revision');
      const repo = parseRepoName(name());
      const revision = values.revision ?? 'main';
      if (!/^[\w][\w./-]*$/.test(revision) || revision.includes('..'))
        throw new UsageError(`--revision is ${JSON.stringify(revision)}, expected a branch, tag or commit`);
      return await pullCommand({ repo, revision, folder: join(models, repo), json }, process.env);
    }
    case 'list':
      only();
      if (names.length > 0) throw new UsageError('list takes no name');
      listCommand(models, json);
      return 0;
    case 'remove':
      only('yes');
      return await removeCommand(models, name(), values.yes === true);
    case 'inspect': {
      only('base');
      const given = name();
      const isPath = ['config.json', 'adapter_config.json'].some((file) => existsSync(join(given, file)));
      return inspectCommand(isPath ? given : modelInside(models, given), models, values.base, json);
    }
    default:
      throw new UsageError(`unknown command ${command}; expected pull, list, remove or inspect`);
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: 'string' },
        json: { type: 'boolean' },
        revision: { type: 'string' },
        yes: { type: 'boolean' },
        base: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** What another command line mends. */
const usageCodes: ReadonlySet<string> = new Set([
  'model_name_invalid',
  'model_outside',
  'confirmation_needed',
  'hub_endpoint_invalid',
]);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof EngineError && usageCodes.has(error.code));
  const message = error instanceof Error ? error.message : String(error);
  console.error(isUsage ? `${message}\nSee npm run models -- --help.` : message);
  process.exitCode = isUsage ? 2 : 1;
}
