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

  it('compares two adapters with the base, with losses and canaries', async () => {
    const { stdout } = await cli('train/answer-eval-cli.ts', [
      ...['--model', version.modelDir, '--adapter', version.adapter.dir, '--against', version.adapter.dir],
      ...['--data', file('heldout.jsonl'), '--answers', file('data.jsonl'), '--limit', '6'],
      ...['--loss', '--canaries', '--bootstrap', '500', '--json'],
    ]);
    const { comparison, canaries } = JSON.parse(stdout);
    expect(comparison).toMatchObject({ items: 6, rounds: 500 });
    expect(comparison.models.candidate.loss.mean).toBeLessThan(comparison.models.base.loss.mean);
    expect(comparison.differences.base.loss.high).toBeLessThan(0);
    expect(comparison.differences.current.exact).toEqual({ mean: 0, low: 0, high: 0 });
    expect(canaries.candidate.total).toBeGreaterThan(5); // the tiny context takes the short ones only
    expect(Object.keys(canaries)).toEqual(['base', 'candidate', 'current']);
  });

  it.each([
    [['--data', 'x'], 'expected --model DIR'],
    [['--model', 'x'], 'expected --data FILE, --canaries, or both'],
    [['--model', 'x', '--canaries', '--loss'], '--data FILE, which is missing'],
    [['--model', 'x', '--data', 'x', '--against', 'x'], '--adapter DIR, which is missing'],
    [['--model', 'x', '--data', 'x', '--adapter', 'nowhere'], 'no adapter_config.json there'],
    [['--model', 'x', '--data', 'x', '--limit', 'two'], '--limit is two, expected a whole number, 1 or more'],
    [['--model', 'x', '--data', 'x', '--bootstrap', '5'], '100 to 100000'],
    [['--model', 'x', '--data', 'x', '--weights', 'f64'], 'expected int8, int4, f32'],
    [['--modle', 'x'], 'modle'],
  ])('exits with 2 for %j and says what is wrong', async (args, complaint) => {
    const { code, stderr } = await cli('train/answer-eval-cli.ts', args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(complaint)]);
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
