// Processes in nobody's way: the scheduler's idle policy, and no life beyond the parent's, even halted.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { backgroundCommand } from '../../../engine/train/background-command.ts';

const asked = backgroundCommand(['-e', 'console.log("ready"); setInterval(() => undefined, 1000)']);
const source = fileURLToPath(new URL('../../../engine/train/background-command.ts', import.meta.url));

/** Field 41 of proc(5) stat; 5 is SCHED_IDLE. */
const policyOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[38]);

const lives = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const firstLine = async (stream: NodeJS.ReadableStream): Promise<string> => {
  for await (const line of createInterface({ input: stream })) return line;
  return '';
};

describe('a process in the background', () => {
  it('is node with the given arguments, under its own process id', async () => {
    const child = spawn(asked.command, asked.args, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      expect(await firstLine(child.stdout)).toBe('ready');
      if (asked.args.includes('chrt') || asked.command === 'chrt') expect(policyOf(child.pid ?? 0)).toBe(5);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it.skipIf(!asked.endsWithParent)(
    'ends with a parent that is killed, although it is halted (skipped where util-linux is missing)',
    async () => {
      const parent = spawn(
        process.execPath,
        [
          '--input-type=module-typescript',
          '-e',
          `import { spawn } from 'node:child_process';
           import { backgroundCommand } from ${JSON.stringify(source)};
           const { command, args } = backgroundCommand(['-e', 'console.log("ready"); setInterval(() => undefined, 1000)']);
           const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
           child.stdout.once('data', () => { child.kill('SIGSTOP'); console.log(child.pid); });`,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const pid = Number(await firstLine(parent.stdout));
      expect(lives(pid)).toBe(true);
      parent.kill('SIGKILL');
      for (let i = 0; i < 200 && lives(pid); i++) await sleep(50);
      expect(lives(pid)).toBe(false);
    },
  );
});
