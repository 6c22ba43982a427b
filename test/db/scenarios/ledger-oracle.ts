// The ledger as it should be, in a few maps: what each verb answers and what it does to the balances, written from the
// design's words and not from the SQL. Used by ledger-scenario.ts to judge what PostgreSQL did. One request at a time; what
// many at once may do is found by trying their orders (linearise.ts). Slow and plain on purpose; knows no database.

export type Account = `${string} ${string}`;
type Amount = bigint | 'all';
interface Part {
  readonly kind: string;
  readonly ownerId: string;
  readonly amountNano: bigint;
}

/** A request as the verb gets it; holds are named by what PostgreSQL called them. */
export type Operation =
  | { readonly verb: 'starter'; readonly key: string; readonly personId: string; readonly amountNano: bigint }
  | { readonly verb: 'deposit'; readonly key: string; readonly to: Ref; readonly amountNano: bigint }
  | {
      readonly verb: 'transfer' | 'correction';
      readonly key: string;
      readonly from: Ref;
      readonly to: Ref;
      readonly amountNano: bigint;
    }
  | {
      readonly verb: 'hold';
      readonly key: string;
      readonly ownerId: string;
      readonly amountNano: bigint;
      readonly callId: string;
      /** Minutes from the scenario's beginning. */
      readonly expires: number;
    }
  | {
      readonly verb: 'capture';
      readonly key: string;
      readonly holdId: string;
      readonly priceNano: bigint;
      readonly parts: readonly Part[];
    }
  | { readonly verb: 'void'; readonly key: string; readonly holdId: string }
  | { readonly verb: 'expired'; readonly key: string; readonly holdId: string }
  | {
      readonly verb: 'split';
      readonly key: string;
      readonly callId: string;
      readonly shares: readonly Part[];
    }
  | { readonly verb: 'refund'; readonly key: string; readonly callId: string; readonly amountNano: Amount }
  | {
      readonly verb: 'payout';
      readonly key: string;
      readonly wallet: string;
      readonly sources: readonly (Ref & { readonly amountNano: Amount })[];
    }
  | { readonly verb: 'claim'; readonly key: string; readonly wallet: string; readonly amountNano: bigint };

export interface Ref {
  readonly kind: string;
  readonly ownerId: string;
}

export type Answer = { readonly ok: boolean; readonly [field: string]: unknown };

interface Hold {
  readonly ownerId: string;
  readonly callId: string;
  readonly amountNano: bigint;
  readonly grantNano: bigint;
  readonly expires: number;
  readonly state: 'open' | 'captured' | 'voided' | 'expired';
  readonly capturedNano: bigint;
}

export interface LedgerState {
  readonly balances: ReadonlyMap<Account, bigint>;
  readonly holds: ReadonlyMap<string, Hold>;
  /** What was posted under a key: the request, and the answer for ever. */
  readonly posted: ReadonlyMap<string, { readonly request: string; readonly answer: Answer }>;
  /** Given back by refunds, by call. */
  readonly refunded: ReadonlyMap<string, { readonly grant: bigint; readonly balance: bigint }>;
}

export const emptyState = (balances: LedgerState['balances'] = new Map()): LedgerState => ({
  balances,
  holds: new Map(),
  posted: new Map(),
  refunded: new Map(),
});

export const accountOf = ({ kind, ownerId }: Ref): Account => `${kind} ${ownerId}`;
export const balanceOf = (state: LedgerState, ref: Ref): bigint => state.balances.get(accountOf(ref)) ?? 0n;

const PLATFORM: Ref = { kind: 'platform', ownerId: 'platform' };
const TREASURY: Ref = { kind: 'treasury', ownerId: 'treasury' };
const VAULT: Ref = { kind: 'vault', ownerId: 'vault' };

type Moves = readonly (readonly [Ref, bigint])[];

interface Effect {
  readonly answer: Answer;
  readonly moves: Moves;
  readonly holds?: readonly (readonly [string, Hold])[];
  readonly refunded?: readonly [string, { readonly grant: bigint; readonly balance: bigint }];
}
const refusal = (code: string, facts: object = {}): Effect => ({
  answer: { ok: false, code, ...facts },
  moves: [],
});

/**
 * What one request answers, and the state after it.
 * @param holdId the name that PostgreSQL gave the hold, where this is one that was granted
 */
export function apply(
  state: LedgerState,
  operation: Operation,
  holdId: string,
): { readonly answer: Answer; readonly state: LedgerState } {
  const request = requestOf(operation);
  const earlier = state.posted.get(operation.key);
  if (earlier !== undefined) {
    const answer = earlier.request === request ? earlier.answer : refusal('idempotency_conflict').answer;
    return { answer, state };
  }
  const { answer, moves, holds = [], refunded } = effectOf(state, operation, holdId);
  if (!answer.ok) return { answer, state };
  const balances = new Map(state.balances);
  for (const [ref, amount] of moves)
    balances.set(accountOf(ref), (balances.get(accountOf(ref)) ?? 0n) + amount);
  return {
    answer,
    state: {
      balances,
      holds: new Map([...state.holds, ...holds]),
      posted: new Map([...state.posted, [operation.key, { request, answer }]]),
      refunded: refunded ? new Map([...state.refunded, refunded]) : state.refunded,
    },
  };
}

/** What makes two requests the same: everything but the time at which a hold ends, and the amount of a starter grant. */
function requestOf(operation: Operation): string {
  const ignored = operation.verb === 'starter' ? 'amountNano' : operation.verb === 'hold' ? 'expires' : 'key';
  return JSON.stringify(operation, (field, value) =>
    field === ignored || field === 'key' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  );
}

function effectOf(state: LedgerState, operation: Operation, holdId: string): Effect {
  switch (operation.verb) {
    case 'starter':
      return moved(TREASURY, { kind: 'user_grant', ownerId: operation.personId }, operation.amountNano);
    case 'deposit':
      return moved(VAULT, operation.to, operation.amountNano);
    case 'transfer':
    case 'correction': {
      const { from, to, amountNano } = operation;
      const availableNano = balanceOf(state, from);
      if (from.kind !== 'treasury' && availableNano < amountNano)
        return refusal('balance_too_low', { neededNano: amountNano, availableNano });
      return moved(from, to, amountNano);
    }
    case 'hold':
      return holdEffect(state, operation, holdId);
    case 'capture':
      return captureEffect(state, operation);
    case 'void':
    case 'expired':
      return releaseEffect(state, operation);
    case 'split':
      return splitEffect(state, operation);
    case 'refund':
      return refundEffect(state, operation);
    case 'payout':
      return payoutEffect(state, operation);
    case 'claim': {
      const claimable: Ref = { kind: 'claimable', ownerId: operation.wallet };
      const claimableNano = balanceOf(state, claimable);
      if (claimableNano < operation.amountNano) return refusal('claim_above_claimable', { claimableNano });
      return moved(claimable, VAULT, operation.amountNano);
    }
  }
}

type Of<Verb extends Operation['verb']> = Extract<Operation, { readonly verb: Verb }>;

const moved = (from: Ref, to: Ref, amountNano: bigint): Effect => ({
  answer: { ok: true, amountNano },
  moves: [
    [from, -amountNano],
    [to, amountNano],
  ],
});

function holdEffect(
  state: LedgerState,
  { ownerId, amountNano, callId, expires }: Of<'hold'>,
  holdId: string,
): Effect {
  const [grant, user] = [
    { kind: 'user_grant', ownerId },
    { kind: 'user', ownerId },
  ] as const;
  const availableNano = balanceOf(state, grant) + balanceOf(state, user);
  if (availableNano < amountNano)
    return refusal('balance_too_low', { neededNano: amountNano, availableNano });
  const given = balanceOf(state, grant);
  const grantNano = amountNano < given ? amountNano : given;
  return {
    answer: { ok: true, holdId, amountNano, grantNano, balanceNano: amountNano - grantNano },
    moves: [
      [grant, -grantNano],
      [user, grantNano - amountNano],
      [{ kind: 'hold', ownerId }, amountNano],
    ],
    holds: [[holdId, { ownerId, callId, amountNano, grantNano, expires, state: 'open', capturedNano: 0n }]],
  };
}

/** The price comes out of the grant first; the rest returns to where it came from. */
function settle(hold: Hold, price: bigint): { toGrant: bigint; toBalance: bigint; moves: Moves } {
  const fromGrant = price < hold.grantNano ? price : hold.grantNano;
  const toGrant = hold.grantNano - fromGrant;
  const toBalance = hold.amountNano - price - toGrant;
  const { ownerId } = hold;
  return {
    toGrant,
    toBalance,
    moves: [
      [{ kind: 'hold', ownerId }, -hold.amountNano],
      [{ kind: 'user_grant', ownerId }, toGrant],
      [{ kind: 'user', ownerId }, toBalance],
    ],
  };
}

function captureEffect(state: LedgerState, { holdId, priceNano, parts }: Of<'capture'>): Effect {
  const hold = state.holds.get(holdId);
  if (hold === undefined) return refusal('hold_not_found');
  if (hold.state !== 'open') return refusal('hold_already_settled', { state: hold.state });
  if (priceNano > hold.amountNano)
    return refusal('price_above_hold', { priceNano, heldNano: hold.amountNano });
  const { toGrant, toBalance, moves } = settle(hold, priceNano);
  return {
    answer: { ok: true, holdId, priceNano, releasedGrantNano: toGrant, releasedBalanceNano: toBalance },
    moves: [...moves, ...parts.map((part) => [part, part.amountNano] as const)],
    holds: [[holdId, { ...hold, state: 'captured', capturedNano: priceNano }]],
  };
}

function releaseEffect(state: LedgerState, { verb, holdId }: Of<'void'> | Of<'expired'>): Effect {
  const hold = state.holds.get(holdId);
  if (hold === undefined) return refusal('hold_not_found');
  if (hold.state !== 'open') return refusal('hold_already_settled', { state: hold.state });
  const { toGrant, toBalance, moves } = settle(hold, 0n);
  return {
    answer: { ok: true, holdId, releasedGrantNano: toGrant, releasedBalanceNano: toBalance },
    moves,
    holds: [[holdId, { ...hold, state: verb === 'void' ? 'voided' : 'expired' }]],
  };
}

function splitEffect(state: LedgerState, { callId, shares }: Of<'split'>): Effect {
  const pool: Ref = { kind: 'call_pool', ownerId: callId };
  const poolNano = balanceOf(state, pool);
  if (poolNano === 0n) return refusal('pool_empty');
  return {
    answer: { ok: true, callId, poolNano },
    moves: [[pool, -poolNano], ...shares.map((share) => [share, share.amountNano] as const)],
  };
}

function refundEffect(state: LedgerState, { callId, amountNano }: Of<'refund'>): Effect {
  const hold = [...state.holds.values()].find((one) => one.callId === callId && one.state === 'captured');
  if (hold === undefined) return refusal('call_not_captured');
  const { ownerId, capturedNano } = hold;
  const before = state.refunded.get(callId) ?? { grant: 0n, balance: 0n };
  const paidByGrant = capturedNano < hold.grantNano ? capturedNano : hold.grantNano;
  const balanceLeft = capturedNano - paidByGrant - before.balance;
  const refundableNano = capturedNano - before.grant - before.balance;
  const refundedNano = amountNano === 'all' ? refundableNano : amountNano;
  if (refundedNano === 0n || refundedNano > refundableNano)
    return refusal('refund_above_capture', { refundableNano });
  const toBalanceNano = refundedNano < balanceLeft ? refundedNano : balanceLeft;
  const toGrantNano = refundedNano - toBalanceNano;
  const platform = balanceOf(state, PLATFORM);
  const fromPlatformNano = platform < refundedNano ? platform : refundedNano;
  const fromTreasuryNano = refundedNano - fromPlatformNano;
  const answer = {
    ok: true,
    callId,
    ownerId,
    refundedNano,
    toGrantNano,
    toBalanceNano,
    fromPlatformNano,
    fromTreasuryNano,
  };
  return {
    answer,
    moves: [
      [PLATFORM, -fromPlatformNano],
      [TREASURY, -fromTreasuryNano],
      [{ kind: 'user', ownerId }, toBalanceNano],
      [{ kind: 'user_grant', ownerId }, toGrantNano],
    ],
    refunded: [callId, { grant: before.grant + toGrantNano, balance: before.balance + toBalanceNano }],
  };
}

function payoutEffect(state: LedgerState, { wallet, sources }: Of<'payout'>): Effect {
  const taken: (readonly [Ref, bigint])[] = [];
  for (const source of sources) {
    const availableNano = balanceOf(state, source);
    const neededNano = source.amountNano === 'all' ? availableNano : source.amountNano;
    if (neededNano > availableNano) return refusal('balance_too_low', { neededNano, availableNano });
    taken.push([source, -neededNano]);
  }
  const paidNano = -taken.reduce((sum, [, amount]) => sum + amount, 0n);
  if (paidNano === 0n) return refusal('nothing_to_pay_out');
  return {
    answer: { ok: true, wallet, paidNano },
    moves: [...taken, [{ kind: 'claimable', ownerId: wallet }, paidNano]],
  };
}
