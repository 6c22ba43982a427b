// Why a call ended without an answer, as the refusal that people read. Used by settle-call.ts when it happens and by
// open-call.ts for a call that was voided earlier (only its code is kept then). Pure. It knows the engine's codes.
import type { CallRefusal } from './marketplace.ts';

/** What a person is told to wait where the engine did not say. */
const waitMsDefault = 5_000;

/** Too many at once, too late, or broken off: each costs nothing, but what to do next differs. */
export function refusalOfFailure(code: string, reason: string, retryAfterMs = waitMsDefault): CallRefusal {
  if (code === 'engine_busy') return { ok: false, code: 'engine_busy', retryAfterMs };
  if (code === 'deadline_exceeded') return { ok: false, code: 'answer_too_late', retryAfterMs };
  return { ok: false, code: 'generation_failed', reason };
}
