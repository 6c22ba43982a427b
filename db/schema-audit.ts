/** Tables of audits of model versions and of single calls, migration 015-audits. Part of schema.ts. */
import type { Generated, Selectable } from 'kysely';
import type { CreatedAt, Json, JsonObject } from './column-types.ts';

interface VersionAuditTable {
  id: string;
  seq: Generated<number>;
  modelVersionId: string;
  source: 'here' | 'shipped';
  state: Generated<'queued' | 'running' | 'done' | 'failed'>;
  seed: number;
  progress: Generated<JsonObject>;
  report: Json<JsonObject | null>;
  error: string | null;
  createdAt: CreatedAt;
  finishedAt: Date | null;
}

interface AuditSaltTable {
  /** A UTC day, YYYY-MM-DD. */
  day: string;
  salt: string;
  commitment: string;
  createdAt: CreatedAt;
}

interface CallAuditTable {
  callId: string;
  modelVersionId: string;
  day: string;
  state: Generated<'due' | 'done' | 'left_out'>;
  versionAuditId: string | null;
  report: Json<JsonObject | null>;
  reason: string | null;
  createdAt: CreatedAt;
  finishedAt: Date | null;
}

export interface AuditSchema {
  versionAudit: VersionAuditTable;
  auditSalt: AuditSaltTable;
  callAudit: CallAuditTable;
}

export type VersionAudit = Readonly<Selectable<VersionAuditTable>>;
export type CallAudit = Readonly<Selectable<CallAuditTable>>;
