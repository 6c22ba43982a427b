/**
 * Correction: the operator moves an amount between two accounts to put right what went wrong, with a reason. History is never
 * changed: a correction is a new transfer that says so. The only verb besides hold, capture and split that may touch any
 * account but those of holds and pools, which belong to calls under way.
 */
import type { Database } from '../database.ts';
import { type TransferIntent, type TransferResult, transferAs } from './transfer.ts';

/** @param intent `reason` is shown in the history of both owners */
export async function correction(db: Database, intent: TransferIntent): Promise<TransferResult> {
  return transferAs(db, 'correction', intent);
}
