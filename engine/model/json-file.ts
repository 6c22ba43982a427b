// Reading a JSON file of a model folder with errors that name the file.
// Used by: model-config, safetensors, tokenizer, lora-adapter. Knows nothing of their contents.

import { readFileSync } from 'node:fs';
import { EngineError } from '../errors.ts';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws EngineError `file_unreadable` | `json_malformed` */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
  return parseJsonText(text, path);
}

/** @param path named in the error @throws EngineError `json_malformed` */
export function parseJsonText(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError(`${path} is not JSON`, { code: 'json_malformed', retry: 'never', cause });
  }
}
