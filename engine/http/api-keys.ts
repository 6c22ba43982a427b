// The key file of the HTTP server: names, SHA-256 hashes and limits, never a key itself. Used by the routes (who is
// asking) and by serve-cli.ts (new keys). It knows no HTTP. A key is 256 random bits, so one plain hash is enough:
// there is nothing to guess. Invariants: comparing takes the same time for every key; the file is replaced whole.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { readJsonFile } from '../model/json-file.ts';

const apiKey = z.object({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dots, dashes and underscores'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.string(),
  /** May load and unload adapters. */
  admin: z.boolean().default(false),
  /** Left out = no limit. */
  requestsPerMinute: z.number().int().positive().optional(),
  /** Prompt and answer together. */
  tokensPerMinute: z.number().int().positive().optional(),
  /** Requests at the same time. */
  concurrent: z.number().int().positive().optional(),
});
const keyFile = z.object({ keys: z.array(apiKey) });

export type ApiKey = Readonly<z.output<typeof apiKey>>;

/** @throws EngineError `file_unreadable` | `json_malformed` | `keys_malformed` */
export function readApiKeys(path: string): readonly ApiKey[] {
  const read = keyFile.safeParse(readJsonFile(path));
  if (read.success) return read.data.keys;
  const [issue] = read.error.issues;
  throw new EngineError(`${path} is no key file: ${issue.path.join('.')}: ${issue.message}`, {
    code: 'keys_malformed',
    retry: 'never',
  });
}

/**
 * Adds a key to the file (made if there is none, readable by its owner only) and returns it: it is not kept anywhere.
 * @throws EngineError of reading the file, or `key_name_taken`
 */
export function addApiKey(path: string, facts: Omit<ApiKey, 'sha256' | 'createdAt'>): string {
  const keys = existsSync(path) ? readApiKeys(path) : [];
  if (keys.some(({ name }) => name === facts.name))
    throw new EngineError(`${path} has a key named ${facts.name} already`, {
      code: 'key_name_taken',
      retry: 'never',
    });
  const secret = `om-${randomBytes(32).toString('base64url')}`;
  const added = { ...facts, sha256: hashOf(secret).toString('hex'), createdAt: new Date().toISOString() };
  const valid = keyFile.safeParse({ keys: [...keys, added] });
  if (!valid.success)
    throw new EngineError(`${valid.error.issues[0].path.at(-1)}: ${valid.error.issues[0].message}`, {
      code: 'keys_malformed',
      retry: 'never',
    });
  const next = `${path}.${process.pid}.tmp`;
  writeFileSync(next, `${JSON.stringify(valid.data, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
  return secret;
}

/** The key behind an `Authorization` header; undefined when there is none. */
export function keyOfHeader(keys: readonly ApiKey[], header: string | undefined): ApiKey | undefined {
  const secret = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (secret === undefined) return undefined;
  const hash = hashOf(secret);
  let found: ApiKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(hash, Buffer.from(key.sha256, 'hex'))) found = key;
  }
  return found;
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
