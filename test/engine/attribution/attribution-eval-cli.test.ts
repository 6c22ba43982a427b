// The two evaluation commands from their arguments to their last line, on the tiny model.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoys, examples, makeTinyVersion, type TinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'eval-'));
const file = (name: string): string => join(folder, name);
let version: TinyVersion;

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  const write = (name: string, lines: readonly unknown[]): void =>
    writeFileSync(file(name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  write('data.jsonl', examples);
  write('decoys.jsonl', decoys);
  const heldOut = examples.map(({ id, question, answer }, i) => ({
    contributionId: id,
    question,
    expected: /is (\w+)\./.exec(answer)?.[1],
    seenTemplate: i % 2 === 0,
  }));
  write('heldout.jsonl', heldOut);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command line and returns its standard output, or its exit code and complaint. */
async function cli(
  path: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const entry = fileURLToPath(new URL(`../../../engine/${path}`, import.meta.url));
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [entry, ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe('npm run attribution-eval', () => {
  const args = (): readonly string[] => [
    ...['--model', version.modelDir, '--adapter', version.adapter.dir, '--data', file('data.jsonl')],
    ...['--heldout', file('heldout.jsonl'), '--decoys', file('decoys.jsonl')],
  ];

  it('finds the right contribution first for 24 of 24 own answers, as one JSON line', async () => {
    const { stdout } = await cli('attribution/attribution-eval-cli.ts', [...args(), '--json']);
    const figures = JSON.parse(stdout);
    expect(figures.rows).toHaveLength(8);
    expect(figures.rows[0]).toMatchObject({
      method: 'shares',
      answers: 'all',
      queries: 24,
      top1: 1,
      top3: 1,
    });
    expect(figures.rows[3]).toMatchObject({
      method: 'random',
      answers: 'all',
      top1: expect.closeTo(1 / 24, 12),
    });
    expect(figures.storeHash).toMatch(/^[0-9a-f]{64}$/);
    expect(figures.decoys.queries).toBe(12);
  });

  it('prints a table for people', async () => {
    const { stdout } = await cli('attribution/attribution-eval-cli.ts', [
      ...args(),
      '--limit',
      '6',
      '--given-answers',
    ]);
    expect(stdout).toMatch(/all\s+6\s+ours, as paid\s+100\.0 %\s+100\.0 %\s+1\.000/);
    expect(stdout).toMatch(/random\s+4\.2 %\s+12\.5 %/);
  });

  it('exits with 2 and says what is missing', async () => {
    const { code, stderr } = await cli('attribution/attribution-eval-cli.ts', args().slice(2));
    expect(code).toBe(2);
    expect(stderr).toContain('expected --model');
  });
});

describe('npm run eval', () => {
  it('shows the adapter right 24 of 24 times and the base hardly ever, by phrasing', async () => {
    const args = [
      '--model',
      version.modelDir,
      '--adapter',
      version.adapter.dir,
      '--heldout',
      file('heldout.jsonl'),
    ];
    const { stdout } = await cli('train/answer-eval-cli.ts', [...args, '--json']);
    const { heldout, rows } = JSON.parse(stdout);
    expect(heldout).toBe(24);
    const of = (model: string, questions: string) =>
      rows.find(
        (row: { model: string; questions: string }) => row.model === model && row.questions === questions,
      );
    expect(of('adapter', 'all')).toMatchObject({ total: 24, correct: 24, low: 1, high: 1 });
    expect(of('adapter', 'seen phrasing')).toMatchObject({ total: 12, correct: 12 });
    expect(of('base', 'all').correct).toBeLessThan(6);
  });

  it('exits with 1 and names the file that cannot be read', async () => {
    const { code, stderr } = await cli('train/answer-eval-cli.ts', [
      '--model',
      version.modelDir,
      '--heldout',
      file('none'),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('cannot read');
  });
});
