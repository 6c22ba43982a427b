// The shipped demo models come with an audit made by the code that audits every version: of exactly the shipped adapter and
// data, by the method that pays now, and passed, so that a fresh start pays by attribution at once.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { methodId } from '../../../engine/attribution/attribution-settings.ts';
import { shortfalls } from '../../../marketplace/attribution/audits/audit-verdict.ts';
import { shippedAuditPath } from '../../../marketplace/attribution/audits/shipped-audit.ts';
import { readReport } from '../../../marketplace/attribution/audits/stored-report.ts';
import { versionRoot } from '../../../marketplace/datanets/cut-version.ts';
import { demoDatanets } from '../../../marketplace/demo/demo-datanets.ts';
import { jsonLines } from '../../../marketplace/factory/held-out.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';

const demoDir = fileURLToPath(new URL('../../../marketplace/demo/', import.meta.url));

describe.each(demoDatanets.map(({ slug }) => slug))('the audit of %s', (slug) => {
  const audit = JSON.parse(readFileSync(shippedAuditPath(demoDir, slug), 'utf8'));
  const report = readReport(audit.report);

  it('is of the shipped adapter and the shipped contributions', async () => {
    const weights = readFileSync(join(demoDir, `${slug}-adapter`, 'adapter_model.safetensors'));
    expect(audit.adapterSha256).toBe(createHash('sha256').update(weights).digest('hex'));
    const rows = await jsonLines(join(demoDir, `${slug}.jsonl`));
    const words = rows.map(({ question, answer }) => ({
      question: String(question),
      answer: String(answer),
    }));
    expect(audit.datanetRoot).toBe(versionRoot(words));
  });

  it('measured the method that pays, on at least 4 retrainings and 50 questions, and passed', () => {
    expect(report.methodId).toBe(methodId);
    expect(report.subsets.length).toBeGreaterThanOrEqual(4);
    expect(report.queries).toBeGreaterThanOrEqual(50);
    expect(shortfalls(report, DEFAULT_SETTINGS)).toEqual([]);
  });

  it('agrees with retraining better than the words alone', () => {
    const words = report.methods.find(({ id }) => id === 'tf-idf');
    expect(report.figures.lds?.value).toBeGreaterThan(words?.figures.lds?.value ?? 1);
  });

  it('ships no folder of the machine it was made on', () => {
    expect(JSON.stringify(audit)).not.toMatch(/adapterDir|\/(tmp|home|root|work|Users)\//);
  });
});
