// `npm run audit-demos -- [NAME|all]`: audits the shipped demo models by the code that audits every published version, and
// writes audit.json beside each adapter, so that a fresh start pays by attribution at once. Used by people after a change of
// base, data, recipe or attribution method. The retrainings are kept in --work: a second run with another method is quick.
// Exit codes: 0 all passed, 1 one did not or failed, 2 wrong command.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AuditFigure, AuditJob, AuditReport } from '../../engine/audit-job.ts';
import type { Engine } from '../../engine/engine.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { auditExamples, auditGroups, auditQueries } from '../attribution/audits/audit-plan.ts';
import { shortfalls, shortfallWords } from '../attribution/audits/audit-verdict.ts';
import { type ShippedAudit, shippedAuditPath } from '../attribution/audits/shipped-audit.ts';
import { reportToStore } from '../attribution/audits/stored-report.ts';
import { versionRoot } from '../datanets/cut-version.ts';
import { decoysOf, jsonLines } from '../factory/held-out.ts';
import { DEFAULT_SETTINGS } from '../marketplace-settings.ts';
import { adapterSha256 } from '../receipts/adapter-hash.ts';
import { demoDatanets } from './demo-datanets.ts';

const names = demoDatanets.map(({ slug }) => slug);
const help = `npm run audit-demos -- [NAME|all] [options]   audits shipped demo models and writes their audit.json

  NAME          ${names.join(', ')} or all (default all)
  --work DIR    keeps what was retrained, so that a stopped audit goes on (default: a folder for temporary files)
  --subsets N   halves of the contributors to retrain on (default ${DEFAULT_SETTINGS.auditSubsets})
  --loco N      contributors to leave out alone (default ${DEFAULT_SETTINGS.auditLoco})
  --recipe FILE overrides of the recipe's numbers, stated in the audit: fewer epochs for a cheaper one
  --queries N   questions asked (default ${DEFAULT_SETTINGS.auditQueries})`;

const demoDir = fileURLToPath(new URL('.', import.meta.url));
const baseDir = join(demoDir, '..', '..', 'engine', 'base');

interface Plan {
  readonly work: string;
  readonly subsets: number;
  readonly loco: number;
  readonly queries: number;
  readonly recipe: AuditJob['recipe'];
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      work: text,
      subsets: text,
      loco: text,
      queries: text,
      recipe: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [wanted = 'all', ...more] = positionals;
  const chosen = names.filter((slug) => wanted === 'all' || slug === wanted);
  if (chosen.length === 0 || more.length > 0) {
    console.error(`expected one of ${[...names, 'all'].join(', ')}; see --help`);
    return 2;
  }
  const plan: Plan = {
    work: values.work ?? join(tmpdir(), 'openmodels-audit-demos'),
    subsets: Number(values.subsets ?? DEFAULT_SETTINGS.auditSubsets),
    loco: Number(values.loco ?? DEFAULT_SETTINGS.auditLoco),
    queries: Number(values.queries ?? DEFAULT_SETTINGS.auditQueries),
    recipe: values.recipe === undefined ? undefined : JSON.parse(readFileSync(values.recipe, 'utf8')),
  };
  const engine = await createLocalEngine({ baseDir, servesLater: true });
  try {
    let allPassed = true;
    for (const slug of chosen) allPassed = (await auditDemo(engine, slug, plan)) && allPassed;
    return allPassed ? 0 : 1;
  } finally {
    await engine.close();
  }
}

/** @returns whether it passed */
async function auditDemo(engine: Engine, slug: string, plan: Plan): Promise<boolean> {
  const job = await jobOf(engine, slug, plan);
  let said = -1;
  const report = await engine.auditVersion(job, ({ done, total }) => {
    if (done !== said) console.log(`${slug}: ${done} of ${total} retrainings`);
    said = done;
  });
  const contributions = await contributionsOf(slug);
  const shipped: ShippedAudit = {
    adapterSha256: await adapterSha256(job.adapter.dir),
    datanetRoot: versionRoot(contributions),
    report: reportToStore(withoutFolders(report), demoDir) as unknown as AuditReport,
  };
  writeFileSync(shippedAuditPath(demoDir, slug), `${JSON.stringify(shipped, null, 1)}\n`);
  const short = shortfalls(report, DEFAULT_SETTINGS);
  const { lds, locoPearson, top1 } = report.figures;
  console.log(
    `${slug}: LDS ${words(lds)}, left out alone ${words(locoPearson)}, right source first ${words(top1)} by ${report.methodId}: ` +
      (short.length === 0 ? 'passed' : shortfallWords(short)),
  );
  return short.length === 0;
}

async function jobOf(engine: Engine, slug: string, plan: Plan): Promise<AuditJob> {
  const contributions = await contributionsOf(slug);
  const examples = auditExamples(contributions, auditGroups(contributions));
  const adapter = { id: slug, dir: join(demoDir, `${slug}-adapter`) };
  const storeDir = join(plan.work, `${slug}-store`);
  await mkdir(plan.work, { recursive: true });
  // Made by the method of now, whatever an earlier run left.
  if (existsSync(storeDir)) await rm(storeDir, { recursive: true });
  const decoys = await decoysOf(demoDir, slug);
  await engine.buildStore({ adapter, storeDir, examples, decoys });
  const seed = DEFAULT_SETTINGS.auditSeed;
  return {
    ...{ adapter, storeDir, examples, seed },
    queries: await auditQueries(demoDir, slug, contributions, { count: plan.queries, seed }),
    subsets: plan.subsets,
    loco: plan.loco,
    recipe: plan.recipe,
    workDir: join(plan.work, slug),
  };
}

async function contributionsOf(slug: string) {
  const rows = await jsonLines(join(demoDir, `${slug}.jsonl`));
  return rows.map(({ id, contributor, question, answer }) => ({
    id: String(id),
    personId: String(contributor),
    question: String(question),
    answer: String(answer),
  }));
}

/** Adapters of retrainings do not ship. */
function withoutFolders(report: AuditReport): AuditReport {
  return { ...report, subsets: report.subsets.map(({ keptGroupIds }) => ({ keptGroupIds })) };
}

const words = (figure: AuditFigure | null): string =>
  figure === null
    ? 'not measured'
    : `${figure.value.toFixed(3)} (${figure.low.toFixed(3)} to ${figure.high.toFixed(3)})`;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
