// A folder that appears whole or not at all: it is filled beside its place under another name and renamed at the end.
// Used by export-model.ts. It knows no contents. Invariants: the place is never half full, whenever the process dies;
// what stood there before is removed only after the new folder took its place, and only if it held a model. It stands
// aside for that moment; a process that dies right then leaves it to the next run, which puts it back or removes it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError } from '../errors.ts';

/**
 * @param fill writes into the folder it is given; what it throws leaves the place as it was
 * @param force replaces a model or adapter that is there; nothing else is ever replaced
 * @throws EngineError `folder_exists`
 */
export async function placeFolder<T>(
  place: string,
  force: boolean,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const out = resolve(place);
  const parent = dirname(out);
  mkdirSync(parent, { recursive: true });
  mendLeftovers(parent, basename(out));
  refuseToReplace(out, force);
  const part = join(parent, `${basename(out)}.part-${process.pid}`);
  mkdirSync(part);
  try {
    const result = await fill(part);
    refuseToReplace(out, force);
    if (!existsSync(out)) {
      renameSync(part, out);
      return result;
    }
    const old = join(parent, `${basename(out)}.replaced-${process.pid}`);
    renameSync(out, old);
    try {
      renameSync(part, out);
    } catch (error) {
      renameSync(old, out);
      throw error;
    }
    rmSync(old, { recursive: true });
    return result;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

function refuseToReplace(out: string, force: boolean): void {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) return;
  const names = found.isDirectory() ? readdirSync(out) : undefined;
  if (names?.length === 0) return;
  const isModel = names?.some((name) => ['config.json', 'adapter_config.json'].includes(name)) ?? false;
  if (force && isModel) return;
  const message = isModel
    ? `${out} holds a model already; --force replaces it`
    : `${out} exists and is no model; choose another place`;
  throw new EngineError(message, { code: 'folder_exists', retry: 'never' });
}

/** Of runs that were killed: their process is gone. What stood aside while its place was empty goes back there. */
function mendLeftovers(parent: string, name: string): void {
  for (const entry of readdirSync(parent)) {
    const kind = ['part', 'replaced'].find((word) => entry.startsWith(`${name}.${word}-`));
    const pid = kind === undefined ? Number.NaN : Number(entry.slice(`${name}.${kind}-`.length));
    if (!Number.isSafeInteger(pid) || pid <= 0 || isAlive(pid)) continue;
    if (kind === 'replaced' && !existsSync(join(parent, name)))
      renameSync(join(parent, entry), join(parent, name));
    else rmSync(join(parent, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false; // our own number, so an earlier process's
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
