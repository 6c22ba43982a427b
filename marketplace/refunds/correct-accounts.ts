// An operator moves an amount between two accounts to put right what went wrong. History is never changed: it is a new
// transfer with a reason, which both owners read in their history, and who ordered it is written beside it. Used by
// correct-cli.ts. Accounts of calls under way (holds, pools) and those that mirror the chain (vault, claimable) are not
// reached: they must agree with something outside.
// Refusals in order: an account, the amount, the reason, who orders it, too little on the account.
import { randomBytes } from 'node:crypto';
import { type Database, transact } from '../../db/database.ts';
import { type Nano, parseOpen } from '../../db/ledger/amount.ts';
import { correction } from '../../db/ledger/correction.ts';
import { noteOperatorAct } from '../../db/repositories/operator-act-repository.ts';
import { cleanText } from '../clean-text.ts';

/** The kinds that an operator may correct. */
export const CORRECTABLE = [
  'user',
  'user_grant',
  'contributor',
  'creator',
  'node',
  'platform',
  'treasury',
  'dust',
] as const;

interface Account {
  readonly kind: (typeof CORRECTABLE)[number];
  readonly ownerId: string;
}

export interface CorrectionOrder {
  /** `kind:owner`; a person by pseudonym or id. */
  readonly from: string;
  readonly to: string;
  /** OPEN as typed. */
  readonly amount: string;
  readonly reason: string;
  /** Who orders it. */
  readonly by: string;
}

export type CorrectionOffer =
  | {
      readonly ok: true;
      readonly from: Account;
      readonly to: Account;
      readonly amountNano: Nano;
      readonly reason: string;
      /** Names the order: given back with the same order it is carried out, once. */
      readonly orderId: string;
    }
  | {
      readonly ok: false;
      readonly code: 'unknown_account' | 'same_account';
      readonly account: string;
    }
  | { readonly ok: false; readonly code: 'not_an_amount' | 'reason_missing' | 'by_missing' | 'another_order' }
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    };

/** What the order means; nothing is written. */
export async function offerCorrection(db: Database, order: CorrectionOrder): Promise<CorrectionOffer> {
  const from = await accountOf(db, order.from);
  if (from === undefined) return { ok: false, code: 'unknown_account', account: order.from };
  const to = await accountOf(db, order.to);
  if (to === undefined) return { ok: false, code: 'unknown_account', account: order.to };
  if (from.kind === to.kind && from.ownerId === to.ownerId)
    return { ok: false, code: 'same_account', account: order.to };
  const parsed = parseOpen(order.amount);
  if (!parsed.ok || parsed.amountNano === 0n) return { ok: false, code: 'not_an_amount' };
  const reason = cleanText(order.reason);
  if (reason === '') return { ok: false, code: 'reason_missing' };
  if (cleanText(order.by) === '') return { ok: false, code: 'by_missing' };
  const orderId = randomBytes(6).toString('hex');
  return { ok: true, from, to, amountNano: parsed.amountNano, reason, orderId };
}

/** Carries the order out. @param orderId of its offer: the same twice moves the amount once */
export async function correctAccounts(
  db: Database,
  order: CorrectionOrder,
  orderId: string,
): Promise<CorrectionOffer> {
  const offer = await offerCorrection(db, order);
  if (!offer.ok) return offer;
  const { from, to, amountNano, reason } = offer;
  const key = `correction:${orderId}`;
  return await transact(db, async (tx): Promise<CorrectionOffer> => {
    const moved = await correction(tx, { key, from, to, amountNano, reason });
    if (!moved.ok)
      return moved.code === 'idempotency_conflict' ? { ok: false, code: 'another_order' } : moved;
    await noteOperatorAct(tx, { key, kind: 'correction', operator: cleanText(order.by), reason });
    return { ...offer, orderId };
  });
}

/** An account that exists, or one that a person may have. */
async function accountOf(db: Database, text: string): Promise<Account | undefined> {
  const [, typedKind, owner] = /^([a-z_]+):(.+)$/.exec(text.trim()) ?? [];
  const kind = CORRECTABLE.find((one) => one === typedKind);
  if (kind === undefined || owner === undefined) return undefined;
  const person = await db
    .selectFrom('person')
    .select('id')
    .where((where) => where.or([where('id', '=', owner), where('pseudonym', '=', owner)]))
    .executeTakeFirst();
  if (person !== undefined) return { kind, ownerId: person.id };
  const account = await db
    .selectFrom('account')
    .select('ownerId')
    .where('kind', '=', kind)
    .where('ownerId', '=', owner)
    .executeTakeFirst();
  return account === undefined ? undefined : { kind, ownerId: account.ownerId };
}
