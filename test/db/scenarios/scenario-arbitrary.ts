// Random scenarios for the ledger as fast-check makes and shrinks them: batches of requests that run at once, drawn without
// knowing what exists, and made into real requests when their batch begins (resolve). Used by ledger-scenario.ts. Repetitions
// of a request, another request under a used key, and killed connections are drawn as often as what people mean to do.
import fc from 'fast-check';
import { nano } from '../../../db/ledger/amount.ts';
import { splitByWeights } from '../../../db/ledger/split.ts';
import { balanceOf, type LedgerState, type Operation, type Ref } from './ledger-oracle.ts';

const VERBS = [
  ...Array<'hold'>(5).fill('hold'),
  ...Array<'capture'>(5).fill('capture'),
  ...Array<'split'>(3).fill('split'),
  ...Array<'refund'>(2).fill('refund'),
  ...Array<'payout'>(3).fill('payout'),
  'void',
  'expire',
  'expire',
  'claim',
  'claim',
  'deposit',
  'transfer',
  'transfer',
  'correction',
  'starter',
  'rollUp',
] as const;

const drawn = fc.record({
  verb: fc.constantFrom(...VERBS),
  person: fc.nat(2),
  other: fc.nat(2),
  amount: fc.oneof(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 90 })),
  pick: fc.nat(999),
  bps: fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.constant(10_000), fc.constant(11_000)),
  all: fc.boolean(),
  /** Its own key, all of an earlier request (a repetition), or an earlier one's key for another request. */
  key: fc.oneof(
    { weight: 6, arbitrary: fc.constant('own' as const) },
    { weight: 2, arbitrary: fc.constant('repeat' as const) },
    { weight: 1, arbitrary: fc.constant('taken' as const) },
  ),
  of: fc.nat(999),
  /** In a transaction of the caller's, as one statement, or in a micro-batch with others. */
  by: fc.constantFrom('transaction', 'statement', 'batch'),
});
export type Drawn = typeof drawn extends fc.Arbitrary<infer Value> ? Value : never;

export interface Scenario {
  readonly batches: readonly {
    readonly requests: readonly Drawn[];
    /** Milliseconds after which the connections are killed; null = they are not. */
    readonly killAfter: number | null;
  }[];
}

export const scenarioArbitrary: fc.Arbitrary<Scenario> = fc.record({
  batches: fc.array(
    fc.record({
      requests: fc.array(drawn, { minLength: 2, maxLength: 5, size: 'max' }),
      killAfter: fc.option(fc.integer({ min: 0, max: 8 }), { freq: 3, nil: null }),
    }),
    { minLength: 3, maxLength: 8, size: 'max' },
  ),
});

export type Request =
  | { readonly verb: 'expire'; readonly minutes: number }
  | { readonly verb: 'rollUp' }
  | { readonly verb: 'ledger'; readonly operation: Operation; readonly by: Drawn['by'] };

/** Names of one run: no two runs touch the same owners, but for the one treasury, platform and vault. */
export interface Names {
  readonly run: string;
  readonly people: readonly string[];
  readonly wallets: readonly string[];
}

export const namesOf = (run: string): Names => ({
  run,
  people: [0, 1, 2].map((index) => `${run}p${index}`),
  wallets: [0, 1].map((index) => `0x${run}${index}`),
});

/**
 * The request that was drawn, given what exists as its batch begins.
 * @param made every request so far, for repetitions and taken keys
 * @returns undefined where it needs something that does not exist yet
 */
export function resolve(
  draw: Drawn,
  { state, names, made, id }: { state: LedgerState; names: Names; made: readonly Operation[]; id: number },
): Request | undefined {
  const { verb, by } = draw;
  if (verb === 'expire') return { verb, minutes: draw.amount };
  if (verb === 'rollUp') return { verb };
  const earlier = made.length > 0 ? made[draw.of % made.length] : undefined;
  if (draw.key === 'repeat' && earlier) return { verb: 'ledger', operation: earlier, by };
  const operation = operationOf(draw, verb, state, names, `${names.run}k${id}`);
  if (operation === undefined) return undefined;
  const taken = draw.key === 'taken' && earlier && operation.verb !== 'starter' && earlier.verb !== 'starter';
  return { verb: 'ledger', operation: taken ? { ...operation, key: earlier.key } : operation, by };
}

function operationOf(
  draw: Drawn,
  verb: Exclude<Drawn['verb'], 'expire' | 'rollUp'>,
  state: LedgerState,
  names: Names,
  key: string,
): Operation | undefined {
  const { pick, bps } = draw;
  const ownerId = names.people[draw.person];
  const other = names.people[draw.other];
  const wallet = names.wallets[draw.other % 2];
  const amountNano = BigInt(draw.amount);
  const amount = draw.all ? ('all' as const) : amountNano;
  const holds = [...state.holds];
  const [holdId, hold] = holds.length > 0 && pick % 50 > 0 ? holds[pick % holds.length] : [];
  switch (verb) {
    case 'starter':
      return { verb, key: `starter:${ownerId}`, personId: ownerId, amountNano };
    case 'deposit': {
      const to = pick % 4 === 0 ? { kind: 'treasury', ownerId: 'treasury' } : { kind: 'user', ownerId };
      return { verb, key, to, amountNano };
    }
    case 'transfer':
    case 'correction': {
      const accounts: readonly Ref[] = [
        { kind: 'user', ownerId },
        { kind: 'treasury', ownerId: 'treasury' },
        { kind: 'contributor', ownerId: other },
        { kind: 'user_grant', ownerId: other },
        { kind: 'platform', ownerId: 'platform' },
      ];
      const from = pick % 5;
      return { verb, key, from: accounts[from], to: accounts[(from + 1 + (draw.of % 4)) % 5], amountNano };
    }
    case 'hold':
      return { verb, key, ownerId, amountNano, callId: `${key}call`, expires: pick % 60 };
    case 'void':
      return { verb, key, holdId: holdId ?? 'no such hold' };
    case 'capture': {
      const priceNano = ((hold?.amountNano ?? 5n) * BigInt(bps)) / 10_000n;
      const callId = hold?.callId ?? 'no such call';
      return {
        verb,
        key,
        holdId: holdId ?? 'no such hold',
        priceNano,
        parts: partsOf(priceNano, callId, other),
      };
    }
    case 'split': {
      if (hold === undefined || hold.state === 'open') return undefined; // its pool may be filled meanwhile
      const { callId } = hold;
      const pool = balanceOf(state, { kind: 'call_pool', ownerId: callId });
      const weights = [1n + BigInt(pick % 7), BigInt(pick % 3), BigInt(draw.amount)];
      const amounts = splitByWeights(nano(pool === 0n ? 1n : pool), weights, callId);
      const shares = amounts.map((share, index) => ({
        kind: index === 2 && draw.all ? 'dust' : 'contributor',
        ownerId: names.people[index],
        amountNano: share,
      }));
      return { verb, key, callId, shares };
    }
    case 'refund':
      return { verb, key, callId: hold?.callId ?? 'no such call', amountNano: amount };
    case 'payout': {
      const first = {
        kind: pick % 3 === 0 ? 'platform' : 'contributor',
        ownerId: pick % 3 === 0 ? 'platform' : other,
      };
      const second = { kind: pick % 2 === 0 ? 'user' : 'creator', ownerId };
      const sources = [
        { ...first, amountNano: amount },
        { ...second, amountNano: draw.all ? amountNano : amount },
      ];
      return { verb, key, wallet, sources: pick % 5 < 2 ? sources : sources.slice(0, 1) };
    }
    case 'claim':
      return { verb, key, wallet, amountNano };
  }
}

/** Half to the call's pool, a quarter to the author, 15 % to the node, the rest to the platform. */
function partsOf(price: bigint, callId: string, creator: string) {
  const [pool, author, node] = [price / 2n, price / 4n, (price * 15n) / 100n];
  return [
    { kind: 'call_pool', ownerId: callId, amountNano: pool },
    { kind: 'creator', ownerId: creator, amountNano: author },
    { kind: 'node', ownerId: creator, amountNano: node },
    { kind: 'platform', ownerId: 'platform', amountNano: price - pool - author - node },
  ];
}
