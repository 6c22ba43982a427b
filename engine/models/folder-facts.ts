// What is in a model or adapter folder, as far as its small files and tensor headers tell: no weight is read. Used by
// list and inspect. It knows no hub and no terminal. A folder that cannot be served is described too, with the reason.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { type AdapterSettings, parseAdapterSettings } from '../model/adapter-settings.ts';
import { isRecord, readJsonFile } from '../model/json-file.ts';
import { llamaTensorShapes, openLlamaWeights } from '../model/llama-weights.ts';
import { type LlamaConfig, loadModelConfig } from '../model/model-config.ts';
import { openSafetensors, openSafetensorsFolder, type SafetensorsFile } from '../model/safetensors-file.ts';
import type { FolderKind } from './choose-files.ts';
import { isComplete } from './pull-folder.ts';
import { type PullRecord, readPullRecord } from './pull-record.ts';

export interface FolderFacts {
  readonly kind: FolderKind;
  /** as config.json names it; `LoRA` of an adapter */
  readonly architecture: string;
  /** undefined where this engine does not know the model */
  readonly config: LlamaConfig | undefined;
  readonly tensors: number;
  /** weights that are used: a head tied to the embedding counts once */
  readonly parameters: number;
  /** number types of the tensors, `BF16` */
  readonly dtypes: readonly string[];
  readonly bytesOnDisk: number;
  readonly licence: string | undefined;
  /** where it came from, if it was pulled */
  readonly pulled: PullRecord | undefined;
  readonly isComplete: boolean;
  /** why this engine cannot load it; undefined = nothing was found that speaks against it */
  readonly problem: string | undefined;
}

/** Describes a folder. @throws EngineError `model_not_here` when it holds neither a model nor an adapter */
export function readFolderFacts(folder: string): FolderFacts {
  const isModel = existsSync(join(folder, 'config.json'));
  const isAdapter = !isModel && existsSync(join(folder, 'adapter_config.json'));
  const begun = readPullRecord(folder, 'pulling');
  if (!isModel && !isAdapter && begun === undefined)
    throw new EngineError(`${folder} holds no config.json and no adapter_config.json`, {
      code: 'model_not_here',
      retry: 'never',
    });
  const kind: FolderKind = isAdapter || begun?.files.some(isAdapterConfig) ? 'adapter' : 'model';
  const pulled = readPullRecord(folder, 'pulled');
  const complete = begun === undefined && (pulled === undefined || isComplete(folder, pulled));
  const problems: string[] = [];
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const config = isModel ? attempt(() => loadModelConfig(folder)) : undefined;
  if (isAdapter) attempt(() => void readAdapterSettings(folder));
  const entries = attempt(() => entriesOf(folder, kind)) ?? [];
  if (config !== undefined && entries.length > 0) attempt(() => openLlamaWeights(folder, config).close());
  return {
    kind,
    architecture: kind === 'adapter' ? 'LoRA' : architectureOf(folder),
    config,
    tensors: entries.length,
    parameters: (config === undefined
      ? entries.map(({ shape }) => shape)
      : [...llamaTensorShapes(config).values()]
    ).reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0),
    dtypes: [...new Set(entries.map(({ dtype }) => dtype))].sort(),
    bytesOnDisk: bytesIn(folder),
    licence: (pulled ?? begun)?.licence ?? licenceInReadme(folder),
    pulled,
    isComplete: complete && problems.length === 0,
    problem: complete ? problems[0] : 'incomplete: pull it again, it goes on from where it stopped',
  };
}

/** The settings of an adapter folder. @throws EngineError as parseAdapterSettings */
export function readAdapterSettings(folder: string): AdapterSettings {
  const path = join(folder, 'adapter_config.json');
  return parseAdapterSettings(readJsonFile(path), path);
}

function isAdapterConfig(file: { readonly path: string }): boolean {
  return file.path === 'adapter_config.json';
}

function entriesOf(folder: string, kind: FolderKind) {
  const file: SafetensorsFile =
    kind === 'model'
      ? openSafetensorsFolder(folder)
      : openSafetensors(join(folder, 'adapter_model.safetensors'));
  try {
    return [...file.entries.values()];
  } finally {
    file.close();
  }
}

function architectureOf(folder: string): string {
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    const listed = isRecord(json) && Array.isArray(json.architectures) ? json.architectures[0] : undefined;
    return typeof listed === 'string' ? listed : 'unknown';
  } catch {
    return 'unknown';
  }
}

/** `license:` in the front matter of a model card (https://huggingface.co/docs/hub/model-cards). */
function licenceInReadme(folder: string): string | undefined {
  const path = join(folder, 'README.md');
  if (!existsSync(path)) return undefined;
  const matter = /^---\n([\s\S]*?)\n---/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  return /^license:\s*['"]?([\w.-]+)/m.exec(matter)?.[1];
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .reduce((sum, { name }) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}
