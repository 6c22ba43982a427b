// audit.json beside a shipped adapter: the audit of a demo model, made where the program was made. Written by
// make-demo-audits-cli.ts; read at the first start, so that a fresh program pays by attribution at once, and at later ones
// for databases that are older than audits. It is taken for exactly the adapter and the data it names, for nothing else.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Database, transact } from '../../../db/database.ts';
import { getDatanetVersion } from '../../../db/repositories/datanet-version-repository.ts';
import { getModelBySlug } from '../../../db/repositories/model-repository.ts';
import { listModelVersions } from '../../../db/repositories/model-version-repository.ts';
import { auditsOfVersion, saveShippedAudit } from '../../../db/repositories/version-audit-repository.ts';
import type { JsonObject, ModelVersion } from '../../../db/schema.ts';
import type { AuditReport } from '../../../engine/audit-job.ts';
import { demoDatanets } from '../../demo/demo-datanets.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { adapterSha256 } from '../../receipts/adapter-hash.ts';
import { readReport } from './stored-report.ts';

const SHIPPED_FILE = 'audit.json';

export interface ShippedAudit {
  /** SHA-256 of adapter_model.safetensors. */
  readonly adapterSha256: string | null;
  /** Merkle root of the datanet version that trained it. */
  readonly datanetRoot: string;
  readonly report: AuditReport;
}

export const shippedAuditPath = (demoDir: string, slug: string): string =>
  join(demoDir, `${slug}-adapter`, SHIPPED_FILE);

/** Stores the shipped audits of demo versions that have none yet. */
export async function adoptShippedAudits(
  market: Pick<MarketplaceContext, 'db' | 'dataDir' | 'demoDir' | 'log'>,
): Promise<void> {
  for (const { slug } of demoDatanets) {
    const shipped = await readShipped(market.demoDir, slug);
    const version = shipped === null ? undefined : await demoVersion(market.db, slug);
    if (shipped === null || version === undefined) continue;
    if ((await auditsOfVersion(market.db, version.id)).some(({ state }) => state === 'done')) continue;
    const cut = await getDatanetVersion(market.db, version.datanetVersionId);
    const sha256 = await adapterSha256(resolve(market.dataDir, version.adapterDir));
    if (cut?.merkleRoot !== shipped.datanetRoot || sha256 !== shipped.adapterSha256) {
      market.log.warn({ slug }, 'the shipped audit is of another adapter or other data; audited anew here');
      continue;
    }
    const report = shipped.report as unknown as JsonObject;
    await transact(market.db, (tx) =>
      saveShippedAudit(tx, { modelVersionId: version.id, seed: shipped.report.seed, report }),
    );
  }
}

async function readShipped(demoDir: string, slug: string): Promise<ShippedAudit | null> {
  const text = await readFile(shippedAuditPath(demoDir, slug), 'utf8').catch(
    (fault: NodeJS.ErrnoException) => {
      if (fault.code === 'ENOENT') return null;
      throw fault;
    },
  );
  if (text === null) return null;
  const { adapterSha256, datanetRoot, report } = JSON.parse(text) as JsonObject;
  return {
    adapterSha256: typeof adapterSha256 === 'string' ? adapterSha256 : null,
    datanetRoot: String(datanetRoot),
    report: readReport(report),
  };
}

/** The version that was published from the shipped adapter. */
async function demoVersion(db: Database, slug: string): Promise<ModelVersion | undefined> {
  const model = await getModelBySlug(db, slug);
  if (model === undefined) return undefined;
  const versions = await listModelVersions(db, model.id);
  return versions.find(({ recipe, state }) => recipe.shipped === true && state === 'published');
}
