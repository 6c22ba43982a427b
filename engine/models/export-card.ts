// The README.md of an exported model: what it was made from, how, and the terms and card of its base. Used by
// export-model.ts. Everything in it comes from the folders it is made from; no path of this machine is written.
// Front matter: https://huggingface.co/docs/hub/model-cards.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isRecord } from '../model/json-file.ts';
import { adapterPaths, type LoraAdapter } from '../model/lora-adapter.ts';
import type { ExportJob } from './export-model.ts';
import { readFolderFacts } from './folder-facts.ts';

interface CardParts {
  readonly job: ExportJob;
  readonly adapter: LoraAdapter | undefined;
  /** Weights that the adapter changed. */
  readonly merged: number;
  readonly dtypes: readonly string[];
}

export function exportCard({ job, adapter, merged, dtypes }: CardParts): string {
  const { licence, pulled, parameters, architecture } = readFolderFacts(job.source);
  const base = basename(resolve(job.source));
  const origin = pulled ? `${pulled.repo} at ${pulled.commit}` : base;
  const front = [
    '---',
    ...(licence === undefined ? [] : [`license: ${licence}`]),
    'library_name: transformers',
    'pipeline_tag: text-generation',
    ...(pulled ? [`base_model: ${pulled.repo}`] : []),
    '---',
  ];
  const made =
    adapter === undefined
      ? [`The model ${base}, exported as it is.`]
      : [
          `The model ${base} with a LoRA adapter merged into ${merged} of its weights: W + s B A with s = ${adapter.scale}, summed in float64 and rounded once.`,
        ];
  const rows: readonly (readonly [string, string])[] = [
    ['base', origin],
    ['architecture', architecture],
    ['parameters', parameters.toLocaleString('en')],
    ['weights', dtypes.join(', ')],
    ...(adapter && job.adapter ? adapterRows(job.adapter, adapter) : []),
    ['licence', licence ?? 'none declared; see the terms of the base'],
  ];
  return `${[
    ...front,
    '',
    `# ${basename(resolve(job.out))}`,
    '',
    ...made,
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    ...cardOfBase(job.source, base),
  ].join('\n')}\n`;
}

function adapterRows(folder: string, adapter: LoraAdapter): readonly (readonly [string, string])[] {
  const weights = readFileSync(adapterPaths(folder).weights);
  const training = trainingOf(folder);
  return [
    [
      'adapter',
      `${basename(resolve(folder))}, trained on ${nameOf(adapter.base) || 'a base it does not name'}`,
    ],
    ['adapter, SHA-256', createHash('sha256').update(weights).digest('hex')],
    ['adapter, rank and scale', `${adapter.rank}, ${adapter.scale}`],
    ['adapter, layers', adapter.targets.map((target) => target.split('.').at(-1)).join(', ')],
    ...(training === undefined ? [] : ([['adapter, training', training]] as const)),
  ];
}

/** PEFT records where the base lay when it was a folder; its name is enough. */
function nameOf(recorded: string): string {
  return /^([/\\.~]|[a-z]:)/i.test(recorded)
    ? (recorded.split(/[/\\]/).findLast((part) => part !== '') ?? '')
    : recorded;
}

/** What our trainer records beside the adapters it makes. */
function trainingOf(folder: string): string | undefined {
  const path = join(folder, 'training.json');
  if (!existsSync(path)) return undefined;
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isRecord(json)) return undefined;
    const parts = (['steps', 'examples', 'trainedTokens'] as const).flatMap((key) =>
      typeof json[key] === 'number' ? [`${json[key]} ${key === 'trainedTokens' ? 'tokens' : key}`] : [],
    );
    return parts.length === 0 ? undefined : parts.join(', ');
  } catch {
    return undefined;
  }
}

/** The base's own card, whose licences and credits still hold. */
function cardOfBase(folder: string, base: string): readonly string[] {
  const path = join(folder, 'README.md');
  if (!existsSync(path)) return [];
  const body = readFileSync(path, 'utf8').replace(/^---\n[\s\S]*?\n---\n/, '');
  return ['', `## The card of ${base}`, '', body.trim()];
}
