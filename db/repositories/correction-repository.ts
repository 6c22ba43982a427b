/**
 * Corrections: which contribution says what an answer should have been. One a person and answer; a later one replaces it.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';

export async function recordCorrection(
  tx: Tx,
  correction: { readonly callId: string; readonly personId: string; readonly contributionId: string },
): Promise<void> {
  await tx
    .insertInto('correction')
    .values(correction)
    .onConflict((conflict) =>
      conflict
        .columns(['callId', 'personId'])
        .doUpdateSet({ contributionId: correction.contributionId, createdAt: sql`now()` }),
    )
    .execute();
}

/** A correction that was accepted by review, beside the answer it corrects. */
export interface TrainingCorrection {
  readonly callId: string;
  readonly personId: string;
  readonly createdAt: Date;
  readonly conversationId: string | null;
  readonly modelVersionId: string;
  readonly prompt: string;
  readonly answer: string;
  readonly corrected: string;
}

/**
 * Corrections of a model's answers that stand in a datanet version, oldest first; retracted ones are left out, and those
 * of people whose consent does not cover it.
 */
export async function trainingCorrections(
  db: Database,
  of: {
    readonly modelId: string;
    readonly datanetVersionId: string;
    readonly consentVersion: string;
    readonly until: Date;
  },
): Promise<readonly TrainingCorrection[]> {
  const { rows } = await sql<TrainingCorrection>`
    select k.call_id, k.person_id, k.created_at, c.conversation_id, c.model_version_id, c.prompt, c.answer,
      t.answer as corrected
    from correction k
    join call c on c.id = k.call_id
    join model m on m.id = c.model_id
    join contribution t on t.id = k.contribution_id and t.state = 'accepted'
    join datanet_version_contribution v on v.contribution_id = t.id
      and v.datanet_version_id = ${of.datanetVersionId}
    where c.model_id = ${of.modelId} and c.state = 'captured' and date_trunc('milliseconds', k.created_at) <= ${of.until}
      and exists (select 1 from consent a where a.person_id = k.person_id and a.datanet_id = m.datanet_id
        and a.text_version = ${of.consentVersion})
    order by k.created_at, k.call_id`.execute(db);
  return rows;
}
