/**
 * The cluster on disk: made once by initdb (scram-sha-256, random password), in the folder
 *   <home>/cluster     PostgreSQL's own files, owned by the server's user
 *   <home>/password    mode 0600, owned by us; never logged, never on a command line
 *   <home>/owner, starting.lock, server.log
 * Used by embedded.ts. A half-made cluster is never taken for a whole one: it is made aside and renamed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { APP_ROLE } from '../app-role.ts';
import { startFault } from '../errors.ts';
import type { Binaries } from './postgres-binaries.ts';
import { runAs, runSlowlyAs, type ServerUser } from './server-user.ts';

export const SUPERUSER = 'openmodels';

export interface Cluster {
  readonly directory: string;
  readonly password: string;
  /** Of the role as which the program runs. Derived, so there is one secret to keep; it does not lead back to it. */
  readonly appPassword: string;
  readonly created: boolean;
}

export function clusterDirectory(home: string): string {
  return join(home, 'cluster');
}

/** Opens the cluster below `home`, or makes it; `announce` is called before the slow part. */
export async function openCluster(
  home: string,
  user: ServerUser,
  binaries: Binaries,
  announce: () => void,
): Promise<Cluster> {
  const directory = clusterDirectory(home);
  const known = await readFile(join(home, 'password'), 'utf8').catch(() => '');
  const password = known.trim() || randomBytes(24).toString('hex');
  if (!known.trim()) await writePrivate(join(home, 'password'), password);
  const appPassword = createHmac('sha256', password).update(APP_ROLE).digest('hex');
  const cluster = { directory, password, appPassword };
  if (existsSync(join(directory, 'PG_VERSION'))) return { ...cluster, created: false };
  announce();
  await initialise(directory, user, binaries, password);
  return { ...cluster, created: true };
}

/** Gives the stopped cluster the password we have: for when its file was lost. */
export function resetPassword(
  { directory, password }: Cluster,
  user: ServerUser,
  { postgres }: Binaries,
): void {
  const statement = `alter role ${SUPERUSER} password '${password}'\n`; // hexadecimal, needs no quoting
  const result = runAs(user, postgres, ['--single', '-D', directory, 'postgres'], statement);
  if (result.status !== 0)
    throw startFault(
      'server_did_not_start',
      `the lost database password could not be replaced in ${directory}`,
    );
}

async function initialise(
  directory: string,
  user: ServerUser,
  { initdb }: Binaries,
  password: string,
): Promise<void> {
  const partial = `${directory}.partial`;
  const passwordFile = `${directory}.password`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  await writePrivate(passwordFile, password);
  if (user) for (const path of [partial, passwordFile]) await chown(path, user.uid, user.gid);
  const failure = await runSlowlyAs(user, initdb, [
    `--pgdata=${partial}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--locale=C.UTF-8',
    '--no-instructions',
  ]);
  await rm(passwordFile, { force: true });
  if (failure !== undefined)
    throw startFault('initdb_failed', `the database could not be set up in ${directory}: ${failure}`);
  await rename(partial, directory);
}

async function writePrivate(path: string, text: string): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, `${text}\n`, { mode: 0o600, flag: 'wx' });
  await chmod(path, 0o600);
}
