// `models inspect`: a model or adapter folder in words, and whether this engine serves it. Used by models-cli.ts.
// It loads what serving loads except the weights' values: config, tokenizer, chat template, names and shapes of tensors.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { isRecord, readJsonFile } from '../model/json-file.ts';
import { loadLoraAdapter } from '../model/lora-adapter.ts';
import { type LlamaConfig, loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { weightFormats } from '../model/weight-format.ts';
import { kvTokenBytes, weightBytes } from '../serve/memory-plan.ts';
import { stopIdsOf } from '../serve/stop-ids.ts';
import { byteText, countText } from './byte-text.ts';
import { type FolderFacts, readAdapterSettings, readFolderFacts } from './folder-facts.ts';

type Fact =
  | string
  | number
  | boolean
  | null
  | readonly (string | number)[]
  | Readonly<Record<string, number>>;

/** What inspect found, in the order of printing; `serves` and `problem` are always there. */
type Report = Readonly<Record<string, Fact>>;

/**
 * @param models where an adapter's base is looked for by the name that the adapter records
 * @param base the folder of that base where it is named
 * @returns the exit code: 0 served (or an adapter whose base is not here), 1 not
 */
export function inspectCommand(
  folder: string,
  models: string,
  base: string | undefined,
  json: boolean,
): number {
  const facts = readFolderFacts(folder);
  const report =
    facts.kind === 'model' ? modelReport(folder, facts) : adapterReport(folder, facts, models, base);
  if (json) console.log(JSON.stringify({ folder, ...report }));
  else print(folder, report);
  return report.serves === false ? 1 : 0;
}

function modelReport(folder: string, facts: FolderFacts): Report {
  const { config } = facts;
  const tokens = attempt(() => tokenizerFacts(folder, config));
  const problem = facts.problem ?? tokens.problem;
  return {
    ...shared(facts),
    ...(config === undefined
      ? {}
      : {
          layers: config.layers,
          width: config.dim,
          heads: config.heads,
          kvHeads: config.kvHeads,
          headSize: config.headDim,
          feedForward: config.ffn,
          vocabulary: config.vocab,
          contextTokens: config.maxSeq,
          ropeTheta: config.ropeTheta,
          ropeScaling: config.ropeScaling?.kind ?? 'none',
          tiedHead: config.tied,
          biases: biasNames(config),
          weightBytes: Object.fromEntries(
            weightFormats.map((format) => [format, weightBytes(config, format)]),
          ),
          cacheBytesPerToken: kvTokenBytes(config),
        }),
    ...tokens.value,
    serves: problem === undefined,
    problem: problem ?? null,
  };
}

function adapterReport(
  folder: string,
  facts: FolderFacts,
  models: string,
  named: string | undefined,
): Report {
  const settings = attempt(() => readAdapterSettings(folder)).value;
  const recorded = settings?.base ?? '';
  const base =
    recorded === ''
      ? undefined
      : [join(models, recorded), recorded].find((place) => existsSync(join(place, 'config.json')));
  const checkedAgainst = named ?? base;
  const check =
    checkedAgainst === undefined
      ? undefined
      : attempt(() => void loadLoraAdapter(folder, loadModelConfig(checkedAgainst)));
  const problem = facts.problem ?? check?.problem;
  return {
    ...shared(facts),
    rank: settings?.rank ?? null,
    alpha: settings?.alpha ?? null,
    targets: targetsInWords(settings?.targetModules),
    base: recorded === '' ? null : recorded,
    checkedAgainst: checkedAgainst ?? null,
    serves: problem !== undefined ? false : check === undefined ? null : true,
    problem: problem ?? null,
  };
}

function targetsInWords(targets: unknown): Fact {
  if (Array.isArray(targets)) return targets.map(String);
  return typeof targets === 'string' ? targets : null;
}

function shared({
  kind,
  architecture,
  tensors,
  parameters,
  dtypes,
  bytesOnDisk,
  licence,
  pulled,
  isComplete,
}: FolderFacts): Report {
  return {
    kind,
    architecture,
    complete: isComplete,
    bytesOnDisk,
    tensors,
    parameters,
    types: dtypes,
    licence: licence ?? null,
    source: pulled === undefined ? null : `${pulled.repo} at ${pulled.commit}, ${pulled.date.slice(0, 10)}`,
  };
}

function tokenizerFacts(folder: string, config: LlamaConfig | undefined): Report {
  const tokenizer = loadTokenizer(folder);
  loadChatTemplate(folder, tokenizer);
  const json = readJsonFile(join(folder, 'tokenizer.json'));
  const model = isRecord(json) && isRecord(json.model) ? json.model.type : undefined;
  return {
    tokenizer: typeof model === 'string' ? model : 'unknown',
    tokenizerEntries: tokenizer.vocabSize,
    chatTemplate:
      existsSync(join(folder, 'chat_template.jinja')) || tokenizer.config.chat_template !== undefined,
    stopIds: config === undefined ? [] : stopIdsOf(config, tokenizer),
  };
}

function biasNames(config: LlamaConfig): readonly string[] {
  return [
    ...(config.qkvBias ? ['qkv'] : []),
    ...(config.outputBias ? ['o'] : []),
    ...(config.mlpBias ? ['mlp'] : []),
  ];
}

interface Attempt<T> {
  readonly value?: T;
  readonly problem?: string;
}

function attempt<T>(act: () => T): Attempt<T> {
  try {
    return { value: act() };
  } catch (error) {
    if (error instanceof EngineError) return { problem: error.message };
    throw error;
  }
}

const labels: Readonly<Record<string, string>> = {
  bytesOnDisk: 'on disk',
  kvHeads: 'key/value heads',
  headSize: 'head size',
  feedForward: 'feed-forward',
  contextTokens: 'context',
  ropeTheta: 'rope theta',
  ropeScaling: 'rope scaling',
  tiedHead: 'tied head',
  weightBytes: 'memory, weights',
  cacheBytesPerToken: 'memory, cache',
  tokenizerEntries: 'tokenizer size',
  chatTemplate: 'chat template',
  stopIds: 'stop ids',
  checkedAgainst: 'checked against',
  serves: 'served here',
};

function print(folder: string, report: Report): void {
  console.log(folder);
  for (const [key, fact] of Object.entries(report))
    if (key !== 'problem')
      console.log(`  ${(labels[key] ?? key).padEnd(16)}  ${inWords(key, fact, report.problem)}`);
}

function inWords(key: string, fact: Fact, problem: Fact): string {
  if (key === 'serves' && fact === null) return 'not known: its base is not here; name it with --base DIR';
  if (key === 'serves') return fact === true ? 'yes' : `no: ${String(problem)}`;
  if (fact === null) return '-';
  if (key === 'parameters' && typeof fact === 'number') return countText(fact);
  if (key === 'bytesOnDisk' && typeof fact === 'number') return byteText(fact);
  if (key === 'cacheBytesPerToken' && typeof fact === 'number')
    return `${byteText(fact)} a token of a conversation`;
  if (key === 'contextTokens') return `${String(fact)} tokens`;
  if (typeof fact === 'boolean') return fact ? 'yes' : 'no';
  if (Array.isArray(fact)) return fact.length === 0 ? 'none' : fact.join(', ');
  if (typeof fact === 'object')
    return Object.entries(fact)
      .map(([name, bytes]) => `${name} ${byteText(Number(bytes))}`)
      .join(', ');
  return String(fact);
}
