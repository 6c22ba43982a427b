// The record of a pull in a model's folder: `pulling.json` while it lasts, `pulled.json` when it is whole. Used by
// pull-model.ts, list and remove. It knows no network. Invariants: both are replaced whole; `pulled.json` is written
// after every file it names; a folder with `pulling.json` is incomplete and says what each of its parts should become.

import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const recordSchema = z.object({
  repo: z.string(),
  endpoint: z.string(),
  revision: z.string(),
  commit: z.string(),
  licence: z.string().nullable(),
  /** ISO date of the end of the pull, of its beginning in pulling.json */
  date: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      size: z.number(),
      checksum: z.object({ kind: z.enum(['sha256', 'git-sha1']), hex: z.string() }),
    }),
  ),
});

export type PullRecord = Readonly<z.infer<typeof recordSchema>>;
type RecordName = 'pulled' | 'pulling';

/** The record, or undefined where there is none that can be read. */
export function readPullRecord(folder: string, name: RecordName): PullRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(recordPath(folder, name), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writePullRecord(folder: string, name: RecordName, record: PullRecord): Promise<void> {
  const path = recordPath(folder, name);
  await writeFile(`${path}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
}

export async function removePullingRecord(folder: string): Promise<void> {
  await rm(recordPath(folder, 'pulling'), { force: true });
}

function recordPath(folder: string, name: RecordName): string {
  return join(folder, `${name}.json`);
}
