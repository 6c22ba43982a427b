// Command line of models: `npm run models -- pull|list|remove|inspect|merge|export`. Used by people and scripts. It reads arguments
// and environment and decides exit codes: 0 done, 1 the world said no, 2 the command is wrong, 130 stopped by Ctrl-C.
// What is printed is decided in the file of each command. The hub's token is read in hub-request.ts and never printed.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EngineError } from '../errors.ts';
import { exportCommand } from './export-command.ts';
import { exportDtypes } from './export-model.ts';
import { inspectCommand } from './inspect-command.ts';
import { listCommand, removeCommand } from './list-command.ts';
import { modelInside, modelsFolder, parseRepoName } from './models-folder.ts';
import { pullCommand } from './pull-command.ts';

const help = `npm run models -- pull ORG/NAME [options]      get a model or a LoRA adapter from the Hugging Face hub
npm run models -- list [options]               what is here
npm run models -- remove ORG/NAME [options]    delete it from here
npm run models -- inspect FOLDER|ORG/NAME      what it is, what memory it needs, whether this engine serves it
npm run models -- export FOLDER|ORG/NAME --out DIR [options]   the whole model as a Hugging Face folder
npm run models -- merge --base FOLDER|ORG/NAME --adapter DIR --out DIR [options]   a LoRA adapter put into its base

pull goes on from where it was stopped, checks every file's checksum, and refuses what this engine cannot serve
before it fetches any weight. export and merge write a folder that transformers, vLLM and this engine load; it appears
whole or not at all.

  npm run models -- export HuggingFaceTB/SmolLM2-135M-Instruct --out exported --dtype f16
  npm run models -- merge --base HuggingFaceTB/SmolLM2-135M-Instruct --adapter my-adapter --out merged

all:
  --dir DIR           the models folder (default: MODELS_DIR, else models in DATA_DIR, else .data/models)
  --json              one JSON object a line
pull:
  --revision REV      branch, tag or commit (default main)
remove:
  --yes               without asking
inspect:
  --base DIR          the base model that an adapter is checked against
export, merge:
  --out DIR           where the new folder goes
  --base DIR          merge: the model, a folder or a name
  --adapter DIR       merge: the adapter, a PEFT folder
  --dtype T           f32, f16 or bf16 (default: as the model is stored)
  --shard-size SIZE   largest file of weights, such as 500MB or 5GB (default 5GB)
  --force             replaces a model that is in DIR

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
    case 'inspect':
      only('base');
      return inspectCommand(folderOf(name(), models), models, values.base, json);
    case 'export':
      only('out', 'dtype', 'shard-size', 'force');
      return await exportCommand({ ...exportOptions(values), source: folderOf(name(), models) }, json);
    case 'merge': {
      only('base', 'adapter', 'out', 'dtype', 'shard-size', 'force');
      if (names.length > 0) throw new UsageError('merge takes no name; see --base and --adapter');
      const { base, adapter } = values;
      if (base === undefined || adapter === undefined)
        throw new UsageError('merge needs --base and --adapter');
      return await exportCommand({ ...exportOptions(values), source: folderOf(base, models), adapter }, json);
    }
    default:
      throw new UsageError(
        `unknown command ${command}; expected pull, list, remove, inspect, export or merge`,
      );
  }
}

/** A folder by its path, or a model by its name. */
function folderOf(given: string, models: string): string {
  const isPath = ['config.json', 'adapter_config.json'].some((file) => existsSync(join(given, file)));
  return isPath ? given : modelInside(models, given);
}

function exportOptions(values: ReturnType<typeof parsed>['values']) {
  const { out, dtype, 'shard-size': size = '5GB', force = false } = values;
  if (out === undefined) throw new UsageError('--out is missing: the folder to write');
  const known = exportDtypes.find((candidate) => candidate === dtype);
  if (dtype !== undefined && known === undefined)
    throw new UsageError(`--dtype is ${dtype}, expected one of ${exportDtypes.join(', ')}`);
  const match = /^(\d+(?:\.\d+)?)\s*(kB|MB|GB)$/i.exec(size);
  if (match === null || Number(match[1]) === 0)
    throw new UsageError(`--shard-size is ${size}, expected something like 500MB or 5GB`);
  const unit = { kb: 1e3, mb: 1e6, gb: 1e9 }[match[2].toLowerCase()] ?? 1;
  return { out, dtype: known, shardBytesMax: Number(match[1]) * unit, force };
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
        adapter: { type: 'string' },
        out: { type: 'string' },
        dtype: { type: 'string' },
        'shard-size': { type: 'string' },
        force: { type: 'boolean' },
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
  'folder_exists',
  'export_into_itself',
]);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof EngineError && usageCodes.has(error.code));
  const message = error instanceof Error ? error.message : String(error);
  console.error(isUsage ? `${message}\nSee npm run models -- --help.` : message);
  process.exitCode = isUsage ? 2 : 1;
}
