// The audit of a version, on the tiny one: figures that agree with what was planted, the same report again, and an audit
// that is stopped goes on where it was.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditInChild } from '../../../../engine/attribution/audit/audit-process.ts';
import {
  measureVersion,
  type VersionAuditJob,
} from '../../../../engine/attribution/audit/measure-version.ts';
import { buildGradientStore } from '../../../../engine/attribution/build-store.ts';
import type { AuditReport } from '../../../../engine/audit-job.ts';
import { decoys, examples, makeTinyVersion } from '../tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'audit-'));
const recipe = { epochs: 20 };
let job: VersionAuditJob;
let report: AuditReport;

beforeAll(async () => {
  const version = await makeTinyVersion(folder);
  const storeDir = join(folder, 'store');
  await buildGradientStore({ ...version, storeDir, examples, decoys });
  job = {
    ...{ ...version, storeDir, recipe, seed: 5, subsets: 6, loco: 3, adaptersKept: 2 },
    examples: examples.map((example, i) => ({ ...example, groupId: `group-${i % 8}` })),
    queries: examples
      .slice(0, 8)
      .map(({ id, question, answer }, i) => ({ question, answer, goldIds: i < 6 ? [id] : [] })),
    workDir: join(folder, 'audit'),
  };
  report = await measureVersion(job);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the audit of a version', () => {
  it('finds that scores foretold what 6 half-retrainings did (above 0.3 of 1), and names the source of 6 answers', () => {
    const { figures, methods } = report;
    expect(figures.lds!.value).toBeGreaterThan(0.3);
    expect(figures.lds!.low).toBeLessThanOrEqual(figures.lds!.value);
    expect(figures.lds!.high).toBeGreaterThanOrEqual(figures.lds!.value);
    expect(figures.top1!.value).toBeGreaterThan(0.8);
    expect(methods[0]).toEqual({ id: report.methodId, figures });
    expect(methods.map(({ id }) => id)).toEqual(expect.arrayContaining(['datainf', 'tf-idf', 'random']));
    const byChance = methods.find(({ id }) => id === 'random')!.figures;
    expect(byChance.lds!.value).toBeLessThan(figures.lds!.value);
  });

  it('tells what it did: 8 groups, halves of 4, 3 left out alone, the recipe with its override, 6 questions with a known source', () => {
    expect(report).toMatchObject({ groups: 8, loco: 3, queries: 8, goldQueries: 6, seed: 5 });
    expect(report.subsets.map(({ keptGroupIds }) => keptGroupIds.length)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(report.recipe).toMatchObject({ epochs: 20, rank: 4, batch: 24 });
    expect(report.subsets.filter(({ adapterDir }) => adapterDir !== undefined)).toHaveLength(2);
    for (const { adapterDir } of report.subsets.slice(0, 2))
      expect(readFileSync(join(adapterDir!, 'adapter_config.json'), 'utf8')).toContain('"r": 4');
  });

  it('goes on from its folder: with 5 of 10 retrainings left, a line of them cut off, 6 are made and the report is equal', async () => {
    const file = join(job.workDir, 'runs.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 10);
    writeFileSync(file, [...lines.slice(0, 5), lines[5].slice(0, 40)].join('\n'));
    const seen: number[] = [];
    expect(await measureVersion(job, (done) => void seen.push(done))).toEqual(report);
    expect(seen).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').sort()).toEqual([...lines].sort());
  });

  it('runs in a child that tells its progress, and ends with audit_cancelled when it is stopped', async () => {
    const seen: number[] = [];
    expect(await auditInChild(job, ({ done }) => void seen.push(done))).toEqual(report);
    expect(seen).toEqual([9]);
    const stopping = new AbortController();
    const anew = { ...job, workDir: join(folder, 'stopped'), seed: 6 };
    const stopped = auditInChild(anew, () => stopping.abort(), stopping.signal);
    await expect(stopped).rejects.toMatchObject({ code: 'audit_cancelled', retry: 'safe' });
  });

  it('refuses a version without questions', async () => {
    await expect(measureVersion({ ...job, queries: [] })).rejects.toMatchObject({ code: 'audit_empty' });
  });
});
