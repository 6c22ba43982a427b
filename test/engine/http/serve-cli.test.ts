// The command line of the HTTP server, as a process: keys, refusals, one real answer, a graceful stop.
import { execFile, spawn } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { testFolder } from '../model/test-folder.ts';
import { writeTinyFolders } from '../serve/tiny-model-folder.ts';

const cli = fileURLToPath(new URL('../../../engine/http/serve-cli.ts', import.meta.url));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: readonly string[]): Promise<Run> {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [cli, ...args])) };
  } catch (error) {
    return error as Run;
  }
}

it('makes keys: printed once, kept as a hash in a file only its owner may read', async () => {
  const file = join(testFolder(), 'keys.json');
  const made = await run('--keys', file, '--new-key', 'bots', '--admin', '--tokens-per-minute', '5000');
  const secret = made.stdout.trim();
  expect(secret).toMatch(/^om-[\w-]{43}$/);
  expect(made.stderr).not.toContain(secret);
  expect(readFileSync(file, 'utf8')).not.toContain(secret);
  expect(JSON.parse(readFileSync(file, 'utf8')).keys[0]).toMatchObject({
    name: 'bots',
    admin: true,
    tokensPerMinute: 5000,
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await run('--keys', file, '--new-key', 'bots')).toMatchObject({ code: 2, stdout: '' });
});

it.each([
  [[], 'the server needs --model DIR; see --help'],
  [['--model', '/nowhere'], 'cannot read /nowhere/config.json'],
  [['--model', 'x', '--port', 'many'], '--port is many, expected a whole number from 0 to 65535'],
  [['--model', 'x', '--device', 'abacus'], '--device is abacus, expected one of auto, cpu, webgpu, cuda'],
  [['--model', 'x', '--weights', 'int2'], '--weights is int2, expected one of int8, int4, f32'],
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['--new-key', 'x'], '--new-key needs --keys FILE; see --help'],
])('%j ends with code 2 and one line', async (args, line) => {
  const { code, stderr } = await run(...args);
  expect(stderr).toContain(line);
  expect(code).toBe(2);
});

it('says when it is ready, answers from the model and its adapter, and ends with code 0 when told', async () => {
  const folders = writeTinyFolders();
  const args = ['--model', folders.model, '--adapters', folders.root, '--port', '0'];
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folders.root, { recursive: true });
  });
  const { value: ready } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  const url = /^Serving model at (http:\/\/127\.0\.0\.1:\d+\/v1), this machine only \(no --keys\)$/.exec(
    `${ready}`,
  )?.[1];
  expect(url).toBeDefined();
  const ask = async (model: string): Promise<string> => {
    const body = { model, prompt: 'hello', max_tokens: 8, temperature: 0 };
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const { choices } = (await response.json()) as { choices: readonly [{ readonly text: string }] };
    return choices[0].text;
  };
  const [base, adapted] = [await ask('model'), await ask('adapter')];
  expect(await ask('model')).toBe(base);
  expect(adapted).not.toBe(base);
  child.kill('SIGTERM');
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(0);
});
