// Puts the completed receipt in the place of the one written at capture; its number stays. Used by attribute-call.ts
// alone, once per call (the call is marked attributed in the same transaction).
import type { Tx } from '../../db/database.ts';
import type { HashedReceipt } from './receipt-body.ts';

export async function replaceReceipt(tx: Tx, callId: string, { body, hash }: HashedReceipt): Promise<void> {
  await tx.updateTable('receipt').set({ body, hash }).where('callId', '=', callId).execute();
}
