/**
 * As whom the embedded server runs. PostgreSQL refuses to run as root, so root lends it another user: the one to whom the
 * data already belongs, else `postgres`, else `nobody`. Ordinary users run it as themselves. Used by embedded.ts and its parts.
 */
import { execFile, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { startFault } from '../errors.ts';

/** Undefined: the server runs as we do. */
export type ServerUser = { readonly uid: number; readonly gid: number } | undefined;

/** @param existing a folder of the server, if there is one; its owner goes on owning it */
export function chooseServerUser(existing: string | undefined): ServerUser {
  const self = process.getuid?.();
  if (self === undefined) return undefined; // Windows
  const owner = existing ? statSync(existing) : undefined;
  if (self !== 0) {
    if (owner && owner.uid !== self)
      throw startFault(
        'data_folder_not_ours',
        `${existing} belongs to user ${owner.uid}, this program runs as user ${self}: run it as that user, or set DATA_DIR to another folder`,
      );
    return undefined;
  }
  const candidates = [
    owner && owner.uid !== 0 ? owner : undefined,
    userNamed('postgres'),
    userNamed('nobody'),
  ];
  for (const user of candidates) {
    if (user && runAs(user, '/bin/sh', ['-c', 'exit 0']).status === 0)
      return { uid: user.uid, gid: user.gid };
  }
  throw startFault(
    'no_server_user',
    'PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody" to run it as: run this program as an ordinary user, or set DATABASE_URL',
  );
}

/** Runs a short command as the server's user, with none of our environment in it (it holds secrets). */
export function runAs(
  user: ServerUser,
  command: string,
  args: readonly string[],
  input?: string,
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { ...user, cwd: '/', env: serverEnvironment(), encoding: 'utf8', input });
}

/** The same without blocking, for what takes a second or more: undefined when it succeeded, else what it said. */
export function runSlowlyAs(
  user: ServerUser,
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { ...user, cwd: '/', env: serverEnvironment() }, (error, _, stderr) =>
      resolve(error ? stderr.trim() || error.message : undefined),
    );
  });
}

/** True when the server's user can enter this folder. */
export function canEnter(user: ServerUser, folder: string): boolean {
  return user === undefined || runAs(user, '/bin/sh', ['-c', 'cd "$0"', folder]).status === 0;
}

export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TMPDIR } = process.env;
  return { PATH, SystemRoot, TMPDIR: process.getuid?.() === 0 ? undefined : TMPDIR, LC_ALL: 'C', TZ: 'UTC' };
}

function userNamed(name: string): { readonly uid: number; readonly gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (!line) return undefined;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
