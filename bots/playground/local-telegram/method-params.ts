// The parameters of one Bot API call, read strictly: wrong types are refused as the real server refuses them.
// JSON bodies bring objects; forms bring strings, in which objects are JSON. Used by every method handler.

import { badRequest, faults } from './telegram-faults.ts';

export interface UploadedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly type: string;
}

export interface MethodParams {
  readonly raw: Readonly<Record<string, unknown>>;
  text(name: string): string | undefined;
  integer(name: string): number | undefined;
  flag(name: string): boolean;
  /** An object or array, parsed when it came as JSON text. */
  value(name: string): unknown;
  file(name: string): UploadedFile | undefined;
  /** The chat this is for. @throws 400 "chat_id is empty" / "chat not found" */
  chatId(): number;
}

export function readParams(
  raw: Readonly<Record<string, unknown>>,
  files: ReadonlyMap<string, UploadedFile>,
): MethodParams {
  const text = (name: string): string | undefined => {
    const value = raw[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw badRequest(`field "${name}" must be of type String`);
  };
  const integer = (name: string): number | undefined => {
    const value = text(name);
    if (value === undefined || value === '') return undefined;
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw badRequest(`field "${name}" must be a valid Number`);
    return number;
  };
  return {
    raw,
    text,
    integer,
    flag: (name) => raw[name] === true || raw[name] === 'true' || raw[name] === '1',
    value(name) {
      const value = raw[name];
      if (typeof value !== 'string') return value ?? undefined;
      if (value === '') return undefined;
      try {
        return JSON.parse(value) as unknown;
      } catch {
        throw badRequest(`can't parse ${name.replaceAll('_', ' ')} JSON object`);
      }
    },
    file: (name) => files.get(name),
    chatId() {
      const value = text('chat_id');
      if (value === undefined || value === '') throw badRequest('chat_id is empty');
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw faults.chatNotFound();
      return number;
    },
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
