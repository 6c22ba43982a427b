/**
 * The books: every rule of the ledger proved from its rows, in one snapshot. Used by `npm run books` (books-cli.ts), by the
 * nightly proof, by `/books` and by tests after each scenario. Reads only. The rules are also kept at writing (see the
 * migrations 001-ledger and 008-ledger); this is the second, independent look. What the chain says is passed in: this folder
 * knows no chain.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { type Nano, nano } from './amount.ts';
import { BOOKS_RULES, type BooksRule } from './books-rules.ts';

interface Invariant {
  /** What holds, as a lowercase code. */
  readonly name: string;
  readonly ok: boolean;
  /** The figure that must be zero: an amount in nano for sums, else a count of rows that break the rule. */
  readonly figure: bigint;
  readonly meaning: string;
  /** The first thing that breaks it, by name; null = it holds. */
  readonly difference: string | null;
}

/** What the vault's contract says, at one block; what is less than a nano is left out. */
export interface VaultFigures {
  readonly coinsNano: bigint;
  /** Claimed since the contract exists. */
  readonly claimedNano: bigint;
}

export interface Books {
  readonly ok: boolean;
  readonly at: Date;
  readonly invariants: readonly Invariant[];
  /** Of the first rule that does not hold; null = all do. */
  readonly firstDifference: string | null;
  readonly totals: readonly {
    readonly asset: string;
    readonly kind: AccountKind;
    readonly accounts: number;
    /** With what waits for the roll-up. */
    readonly balanceNano: Nano;
  }[];
  readonly coverage: Coverage;
  readonly transfers: number;
  readonly entries: number;
  readonly openHolds: number;
  readonly capturedCalls: number;
  /** Paid for captured calls, before refunds. */
  readonly capturedNano: Nano;
  /** Paid to contributors by splits, ever. */
  readonly contributorsNano: Nano;
}

/** How far coins stand behind what the books owe: owed = by coins + promised by the treasury. */
interface Coverage {
  /** Every balance but the treasury's and the vault's. */
  readonly owedNano: Nano;
  /** Final deposits but final claims, as the vault's account has them. */
  readonly mirroredNano: Nano;
  /** What the treasury gave without coins behind it (grants, practice); 0 = none. */
  readonly promisedNano: Nano;
  /** Stands in the claims tree and is not claimed. */
  readonly claimableNano: Nano;
  /** What the contract holds; null = not asked. */
  readonly coinsNano: Nano | null;
}

/** Sorting millions of entries in memory takes seconds, on disk many; only for the moment of the proof. */
const WORK_MEMORY = '256MB';

/** Asked when the snapshot of the books is taken, so that the chain is never behind them. */
type AskVault = () => Promise<VaultFigures | null>;
const noVault: AskVault = async () => null;

/** Proves the books in one snapshot. `ok` is false when any invariant fails; nothing is thrown for that. */
export async function books(db: Database, askVault: AskVault = noVault): Promise<Books> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => booksIn(tx, askVault));
}

/** Proves the books as this transaction sees them. */
export async function booksIn(tx: Tx, askVault: AskVault = noVault): Promise<Books> {
  await sql`select set_config('work_mem', ${WORK_MEMORY}, true)`.execute(tx);
  const invariants: Invariant[] = [];
  for (const rule of BOOKS_RULES) invariants.push(await proveRule(tx, rule));
  const figured = await figures(tx);
  const vault = await askVault();
  const coverage = coverageOf(figured.totals, vault);
  if (vault !== null) invariants.push(...(await coinRules(tx, vault, coverage)));
  const broken = invariants.find(({ ok }) => !ok);
  return {
    ok: broken === undefined,
    at: new Date(),
    invariants,
    firstDifference: broken ? `${broken.name}: ${broken.difference}` : null,
    ...figured,
    coverage,
  };
}

async function proveRule(tx: Tx, { name, meaning, broken, figure = 'count' }: BooksRule): Promise<Invariant> {
  const measure = sql.raw(figure === 'count' ? 'count(*)' : 'coalesce(max(amount), 0)');
  const { rows } = await sql<{ figure: bigint; difference: string | null }>`
    with broken as materialized (${sql.raw(broken)})
    select least(${measure}, 9223372036854775807)::bigint as figure,
      (select difference from broken order by at, difference limit 1) as difference
    from broken`.execute(tx);
  const [{ figure: found, difference }] = rows;
  return { name, meaning, figure: found, ok: difference === null, difference };
}

async function figures(
  tx: Tx,
): Promise<Omit<Books, 'ok' | 'at' | 'invariants' | 'firstDifference' | 'coverage'>> {
  const totals = await sql<Books['totals'][number]>`
    select a.asset, a.kind, count(*)::int as accounts, (sum(a.balance_nano) + coalesce(sum(w.amount), 0))::bigint as balance_nano
    from account a left join (
      select e.account_id, sum(e.amount_nano) as amount
        from entry_pending p join entry e on e.transfer_id = p.transfer_id join account k on k.id = e.account_id
        where ledger_entry_waits(k.kind, e.amount_nano) group by e.account_id) w on w.account_id = a.id
    group by a.asset, a.kind order by a.asset, a.kind`.execute(tx);
  const counts = await sql<{
    transfers: number;
    entries: number;
    openHolds: number;
    capturedCalls: number;
    capturedNano: Nano;
    contributorsNano: Nano;
  }>`
    select (select count(*)::int from transfer) as transfers, (select coalesce(sum(cardinality(account_ids)), 0)::int from transfer) as entries,
      (select count(*)::int from hold where state = 'open') as open_holds,
      (select count(*)::int from hold where state = 'captured') as captured_calls,
      (select coalesce(sum(captured_nano), 0)::bigint from hold) as captured_nano,
      (select coalesce(sum(e.amount_nano), 0)::bigint from account a join entry e on e.account_id = a.id
        where a.kind = 'contributor' and e.amount_nano > 0) as contributors_nano`.execute(tx);
  return { totals: totals.rows, ...counts.rows[0] };
}

function coverageOf(totals: Books['totals'], vault: VaultFigures | null): Coverage {
  const sumOf = (wanted: (kind: AccountKind) => boolean): bigint =>
    totals.filter(({ kind }) => wanted(kind)).reduce((sum, { balanceNano }) => sum + balanceNano, 0n);
  const treasury = sumOf((kind) => kind === 'treasury');
  return {
    owedNano: nano(sumOf((kind) => kind !== 'treasury' && kind !== 'vault')),
    mirroredNano: nano(-sumOf((kind) => kind === 'vault')),
    promisedNano: nano(treasury < 0n ? -treasury : 0n),
    claimableNano: nano(sumOf((kind) => kind === 'claimable')),
    coinsNano: vault && nano(vault.coinsNano),
  };
}

/** The chain is ahead of the books by claims that are not final yet: their coins have left, their entries are still to come. */
async function coinRules(tx: Tx, vault: VaultFigures, coverage: Coverage): Promise<readonly Invariant[]> {
  const { rows } = await sql<{ claimed: bigint }>`
    select coalesce(sum(e.amount_nano), 0)::bigint as claimed from transfer t join entry e on e.transfer_id = t.id
      join account a on a.id = e.account_id where a.kind = 'vault' and t.kind = 'claim'`.execute(tx);
  const onTheirWay = vault.claimedNano - rows[0].claimed;
  const coins = vault.coinsNano + onTheirWay;
  const rule = (name: string, meaning: string, missing: bigint, difference: string): Invariant => {
    const figure = missing > 0n ? missing : 0n;
    return { name, meaning, figure, ok: figure === 0n, difference: figure === 0n ? null : difference };
  };
  return [
    rule(
      'claims_reach_the_books_later',
      'the chain has paid at least the claims that the books have (nano that it has not)',
      -onTheirWay,
      `the books have claims of ${rows[0].claimed} nano, the contract paid ${vault.claimedNano}`,
    ),
    rule(
      'coins_cover_the_mirror',
      'the vault holds at least the final deposits but claims (missing nano)',
      coverage.mirroredNano - coins,
      `the vault holds ${coins} nano where the books have ${coverage.mirroredNano}`,
    ),
    rule(
      'coins_cover_claims',
      'the vault holds at least what can be claimed (missing nano)',
      coverage.claimableNano - coins,
      `the vault holds ${coins} nano, ${coverage.claimableNano} can be claimed`,
    ),
    rule(
      'coins_cover_what_is_owed',
      'the vault holds at least what the books owe but what the treasury promised without coins (missing nano)',
      coverage.owedNano - coverage.promisedNano - coins,
      `the books owe ${coverage.owedNano} nano, ${coverage.promisedNano} of it promised by the treasury; the vault holds ${coins}`,
    ),
  ];
}
