// Typed reading of the fields of a model folder's JSON files. Used by model-config.ts and rope-scaling.ts.
// Knows no model. Invariant: whatever a field holds, the caller gets a value of the promised kind or an EngineError
// that names the file, the field and what was found there.
import { EngineError } from '../errors.ts';

/** One JSON object and the words that errors use for it. */
export interface ConfigFields {
  readonly json: Readonly<Record<string, unknown>>;
  /** The file, or the place within it. */
  readonly where: string;
}

/** No element count of a real model is larger; products of a few of them stay exact in a double. */
const sizeMax = 2 ** 31;

/** @returns a positive integer, at most `max`. @throws EngineError `config_malformed` */
export function sizeField(
  { json, where }: ConfigFields,
  key: string,
  fallback?: number,
  max: number = sizeMax,
): number {
  const value = json[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0)
    throw malformedConfig(where, `${key} is ${show(value)}, expected a positive integer`);
  if (value > max) throw malformedConfig(where, `${key} is ${show(value)}, expected at most ${max}`);
  return value;
}

/** @returns a finite number above zero. @throws EngineError `config_malformed` */
export function positiveField({ json, where }: ConfigFields, key: string, fallback?: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
    throw malformedConfig(where, `${key} is ${show(value)}, expected a positive number`);
  return value;
}

/** Absent and null count as `fallback`. @throws EngineError `config_malformed` */
export function booleanField({ json, where }: ConfigFields, key: string, fallback: boolean): boolean {
  const value = json[key] ?? fallback;
  if (typeof value !== 'boolean')
    throw malformedConfig(where, `${key} is ${show(value)}, expected true or false`);
  return value;
}

/** Token ids, given as one number, a list of them, or not at all. @throws EngineError `config_malformed` */
export function idListField({ json, where }: ConfigFields, key: string): readonly number[] {
  const value = json[key] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((id) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw malformedConfig(where, `${key} is ${show(value)}, expected token ids`);
    return id;
  });
}

export function malformedConfig(where: string, what: string): EngineError {
  return new EngineError(`${where}: ${what}`, { code: 'config_malformed', retry: 'never' });
}

export function unsupportedConfig(where: string, what: string): EngineError {
  return new EngineError(`${where}: ${what}`, { code: 'config_unsupported', retry: 'never' });
}

/** A value as JSON, cut: a hostile file must not fill a log. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
