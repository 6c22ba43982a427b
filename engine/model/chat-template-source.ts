// Where a model folder keeps its chat template, and the source made readable for our Jinja. Used by chat-template.ts.
// Knows no messages. Order as in Hugging Face transformers: chat_template.jinja, chat_template.json, then
// tokenizer_config.json, where it is a string or a list of named templates.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { isRecord, readJsonFile } from './json-file.ts';

/**
 * The template of a folder, or undefined for a base model without one.
 * @param config the parsed tokenizer_config.json
 * @throws EngineError `chat_template_malformed` | `file_unreadable` | `json_malformed`
 */
export function chatTemplateSource(
  folder: string,
  config: Readonly<Record<string, unknown>>,
): string | undefined {
  const jinja = join(folder, 'chat_template.jinja');
  if (existsSync(jinja)) return readable(readText(jinja));
  const json = join(folder, 'chat_template.json');
  if (existsSync(json)) {
    const file = readJsonFile(json);
    return templateOf(isRecord(file) ? file.chat_template : file, json);
  }
  return templateOf(config.chat_template, join(folder, 'tokenizer_config.json'));
}

function templateOf(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return readable(value);
  const named = Array.isArray(value) ? value.filter(isRecord) : [];
  const found = named.find((entry) => entry.name === 'default')?.template;
  if (typeof found === 'string') return readable(found);
  throw new EngineError(`${where}: chat_template is neither a text nor a list with one named default`, {
    code: 'chat_template_malformed',
    retry: 'never',
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
}

/** transformers' own `generation` blocks mark answers for its trainer; our Jinja does not know them. */
function readable(source: string): string {
  return source
    .replace(/\{%(-?)\s*generation\s*(-?)%\}/g, '{%$1 if true $2%}')
    .replace(/\{%(-?)\s*endgeneration\s*(-?)%\}/g, '{%$1 endif $2%}');
}
