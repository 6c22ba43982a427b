// How a process is started that shall be in nobody's way. Used by train-process.ts. On Linux with util-linux (its `chrt` and
// `setpriv`, asked once) it gets the scheduler's idle policy, under which every other process goes first at once, and it
// ends with its parent, however that ends; elsewhere it starts plainly. Knows no training.
import { spawnSync } from 'node:child_process';

export interface BackgroundCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Only such a process may be halted: one without a parent would stay halted for ever. */
  readonly endsWithParent: boolean;
}

const endsWithParent = ['setpriv', '--pdeathsig', 'KILL', '--'];
const idle = ['chrt', '--idle', '0'];
const tried = new Map<string, boolean>();

/** The command line for node with these arguments. */
export function backgroundCommand(args: readonly string[]): BackgroundCommand {
  const halts = works(endsWithParent);
  const prefix = [...(halts ? endsWithParent : []), ...(works(idle) ? idle : [])];
  const [command = process.execPath, ...rest] = [...prefix, process.execPath, ...args];
  return { command, args: rest, endsWithParent: halts };
}

/** Containers may forbid what the programs do, so they are asked to do it. */
function works(prefix: readonly string[]): boolean {
  const [command = '', ...args] = prefix;
  const known = tried.get(command);
  if (known !== undefined) return known;
  const can =
    process.platform === 'linux' &&
    spawnSync(command, [...args, 'true'], { stdio: 'ignore', timeout: 5000 }).status === 0;
  tried.set(command, can);
  return can;
}
