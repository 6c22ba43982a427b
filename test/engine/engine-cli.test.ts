// The engine's command line: what generate and score print, and how wrong commands end.
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TinyFolders, writeTinyFolders } from './serve/tiny-model-folder.ts';

const entry = fileURLToPath(new URL('../../engine/engine-cli.ts', import.meta.url));
let folders: TinyFolders;
beforeAll(() => {
  folders = writeTinyFolders();
});
afterAll(() => rmSync(folders.root, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function engine(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

const generate = (...args: readonly string[]) =>
  engine('generate', '--model', folders.model, '--prompt', 'abc', '--max-tokens', '6', ...args);

describe('npm run engine', () => {
  it('generate --json prints ids and text in one line, the same for the same seed', async () => {
    const runs = await Promise.all([
      generate('--temperature', '1', '--seed', '7', '--json'),
      generate('--temperature', '1', '--seed', '7', '--json'),
      generate('--temperature', '1', '--seed', '8', '--json'),
    ]);
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
    const [first, second, third] = runs.map((run) => JSON.parse(run.out));
    expect(first).toEqual({ ids: expect.any(Array), text: expect.any(String) });
    expect(first.ids.length).toBe(6);
    expect(second).toEqual(first);
    expect(third.ids).not.toEqual(first.ids);
    expect(runs[0].out.trim().split('\n').length).toBe(1);
  });

  it('an adapter and the chat template change the answer', async () => {
    const [base, adapted, chat] = await Promise.all([
      generate('--json'),
      generate('--adapter', folders.adapter, '--json'),
      generate('--chat', '--json'),
    ]);
    expect(new Set([base.out, adapted.out, chat.out]).size).toBe(3);
  });

  it('score --json prints one ids entry more than nll entries', async () => {
    const { code, out } = await engine('score', '--model', folders.model, '--text', 'hello', '--json');
    const { ids, nll } = JSON.parse(out);
    expect(code).toBe(0);
    expect([ids.length, nll.length]).toEqual([5, 4]);
  });

  it('prints text without --json, and a table of tokens with a mean for score', async () => {
    const [story, table, help] = await Promise.all([
      generate(),
      engine('score', '--model', folders.model, '--text', 'hello'),
      engine('--help'),
    ]);
    expect(story).toMatchObject({ code: 0, err: '' });
    expect(table.out.trim().split('\n').length).toBe(5);
    expect(table.out).toMatch(/mean of 4 tokens, perplexity [\d.]+/);
    expect(help.out).toContain('generate --model DIR --prompt TEXT');
  });

  it.each([
    [['train'], /unknown command train/],
    [['generate', '--prompt', 'x'], /generate needs --model/],
    [['generate', '--model', '/nowhere', '--prompt', 'x'], /cannot read \/nowhere/],
    [['score', '--model', '/nowhere', '--prompt', 'x'], /Unknown option '--prompt'/],
  ])('%o exits with 2 and one line that says why', async (args, message) => {
    const { code, out, err } = await engine(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err.trim().split('\n').length).toBe(1);
  });

  it.each([
    [['--max-tokens', '0'], /--max-tokens is 0, expected a whole number of at least 1/],
    [['--temperature', 'hot'], /--temperature is hot, expected a number/],
    [['--top-p', '2'], /topP is 2/],
    [['--adapter', '/nowhere'], /cannot read \/nowhere/],
    [['--prompt', ''], /the prompt is empty/],
    [['--prompt', 'x'.repeat(500)], /the prompt has 500 tokens; at most 159 fit/],
  ])('generate with %o exits with 2 and one line that says why', async (args, message) => {
    const { code, out, err } = await generate(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err.trim().split('\n').length).toBe(1);
  });
});
