// An audit's report as the database and audit.json keep it: the engine's, with folders relative to the data folder. Used by
// whoever stores or reads one. What was stored by another program version is checked here, field by field, before use.
import { relative, resolve } from 'node:path';
import { z } from 'zod';
import type { JsonObject } from '../../../db/schema.ts';
import type { AuditReport } from '../../../engine/audit-job.ts';

const figure = z.object({ value: z.number(), low: z.number(), high: z.number() });
const figures = z.object({
  lds: figure.nullable(),
  locoPearson: figure.nullable(),
  top1: figure.nullable(),
  mrr: figure.nullable(),
  recallAtGold: figure.nullable(),
});
const count = z.number().int().min(0);

const reportShape = z.object({
  figures,
  methods: z.array(z.object({ id: z.string(), figures })),
  methodId: z.string(),
  storeHash: z.string(),
  queries: count,
  goldQueries: count,
  groups: count,
  subsets: z.array(z.object({ keptGroupIds: z.array(z.string()), adapterDir: z.string().optional() })),
  loco: count,
  recipe: z.record(z.union([z.number(), z.string()])),
  seed: z.number(),
});

/** @throws ZodError naming what is wrong */
export function readReport(stored: unknown): AuditReport {
  return reportShape.parse(stored);
}

/** As it is stored: folders relative to `dataDir`; a figure without a value (NaN) is none. */
export function reportToStore(report: AuditReport, dataDir: string): JsonObject {
  const subsets = report.subsets.map(({ keptGroupIds, adapterDir }) => ({
    keptGroupIds,
    ...(adapterDir === undefined ? {} : { adapterDir: relative(dataDir, resolve(adapterDir)) }),
  }));
  const measured = JSON.parse(
    JSON.stringify({ ...report, subsets }, (_, value: unknown) =>
      isFigure(value) && !Number.isFinite(value.value) ? null : value,
    ),
  ) as JsonObject;
  return { ...readReport(measured) };
}

function isFigure(value: unknown): value is { readonly value: number } {
  return typeof value === 'object' && value !== null && 'value' in value && typeof value.value === 'number';
}
