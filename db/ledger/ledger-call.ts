/**
 * One call of a ledger function (migration 008-ledger): many intents in, one answer each out, in one round trip. Used by the
 * verbs of this folder and by the batcher. The function does everything: key, locks, checks, entries, hold; here intents become
 * arrays and answers become results. Atomic by itself; inside a transaction it is part of that one.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.ts';
import { type IdempotencyConflict, type Leg, requestHash, revive } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';

type LedgerFunction = 'ledger_hold' | 'ledger_capture' | 'ledger_release' | 'ledger_split';

/** One verb: how its intents become the arguments of its function, and what its refusals say. */
export interface LedgerVerb<Intent extends { readonly key: string }, Result> {
  readonly function: LedgerFunction;
  /** What makes the request itself: hashed, so that another one under the same key is refused. */
  readonly request: (intent: Intent) => Parameters<typeof requestHash>[0];
  /** The arguments after keys and hashes. */
  readonly columns: (intents: readonly Intent[]) => readonly Column[];
  /** What is wrong with an intent that the function answered with this code; undefined = it is a refusal. */
  readonly bug?: (
    intent: Intent,
    code: string,
    figures: Readonly<Record<string, unknown>>,
  ) => string | undefined;
  /** Only for the types: what comes back. */
  readonly result?: Result;
}

/** An array argument. Amounts and times are written as text, as PostgreSQL reads them. */
interface Column {
  readonly type: 'text' | 'bigint' | 'int' | 'timestamptz';
  readonly values: readonly (string | bigint | number)[];
}

export interface Answer {
  readonly i: number;
  readonly code: string;
  readonly result: object | null;
}

/**
 * The legs of each intent, one after another: where an intent's first and last stand, for each leg the place of its account
 * in the last two, and its amount; kinds and owners of the accounts. Places count from 1. Legs of an intent on one account are
 * added up, empty ones left out.
 */
export function legColumns(legs: readonly (readonly Leg[])[]): readonly Column[] {
  const merged = legs.map(mergedLegs);
  const flat = merged.flat();
  const accounts = new Map<string, { readonly place: number; readonly leg: Leg }>();
  const places = flat.map((leg) => {
    const name = `${leg.kind} ${leg.ownerId}`;
    const account = accounts.get(name) ?? { place: accounts.size + 1, leg };
    accounts.set(name, account);
    return account.place;
  });
  let last = 0;
  const lasts = merged.map((list) => {
    last += list.length;
    return last;
  });
  return [
    { type: 'int', values: lasts.map((end, index) => end - merged[index].length + 1) },
    { type: 'int', values: lasts },
    { type: 'int', values: places },
    { type: 'bigint', values: flat.map((leg) => leg.amountNano) },
    { type: 'text', values: [...accounts.values()].map(({ leg }) => leg.kind) },
    { type: 'text', values: [...accounts.values()].map(({ leg }) => leg.ownerId) },
  ];
}

function mergedLegs(legs: readonly Leg[]): readonly Leg[] {
  const sums = new Map<string, Leg>();
  for (const leg of legs) {
    if (leg.amountNano === 0n) continue;
    const account = `${leg.kind} ${leg.ownerId}`;
    const before = sums.get(account);
    sums.set(
      account,
      before === undefined ? leg : { ...leg, amountNano: before.amountNano + leg.amountNano },
    );
  }
  return [...sums.values()];
}

/** How often an intent is asked again that another one under way stood in the way of. */
const TRIES_MAX = 10;

/**
 * Posts intents with different keys, each for itself: a refused one changes nothing for the others.
 * @returns results in the order of the intents
 */
export async function postAll<
  Intent extends { readonly key: string },
  Result extends { readonly ok: boolean },
>(
  db: Database,
  verb: LedgerVerb<Intent, Result>,
  intents: readonly Intent[],
): Promise<readonly (Result | IdempotencyConflict)[]> {
  assertLedger(
    new Set(intents.map(({ key }) => key)).size === intents.length,
    'a key stands twice in one batch',
  );
  const results = new Array<Result | IdempotencyConflict>(intents.length);
  let open = [...intents.keys()];
  for (let tries = 1; open.length > 0; tries++) {
    assertLedger(tries <= TRIES_MAX, `${intents[open[0]].key} was in the way of itself ${TRIES_MAX} times`);
    const asked = open;
    open = [];
    for (const { i, code, result } of await ask(
      db,
      verb,
      asked.map((index) => intents[index]),
    )) {
      const index = asked[i - 1];
      const bug = verb.bug?.(intents[index], code, { ...result });
      assertLedger(bug === undefined, bug ?? '');
      if (code === 'again') open.push(index);
      else results[index] = resultOf<Result>(code, result);
    }
  }
  return results;
}

/** One intent. */
export async function post<Intent extends { readonly key: string }, Result extends { readonly ok: boolean }>(
  db: Database,
  verb: LedgerVerb<Intent, Result>,
  intent: Intent,
): Promise<Result | IdempotencyConflict> {
  const [result] = await postAll(db, verb, [intent]);
  return result;
}

/** Asks for one intent until it is decided, and gives its result. */
export async function untilDecided<Result>(
  key: string,
  ask: () => Promise<Omit<Answer, 'i'>>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const { code, result } = await ask();
    if (code !== 'again') return resultOf<Result>(code, result);
    assertLedger(tries < TRIES_MAX, `${key} was in the way of itself ${TRIES_MAX} times`);
  }
}

async function ask<Intent extends { readonly key: string }>(
  db: Database,
  verb: LedgerVerb<Intent, unknown>,
  intents: readonly Intent[],
): Promise<readonly Answer[]> {
  const columns: readonly Column[] = [
    { type: 'text', values: intents.map(({ key }) => key) },
    { type: 'text', values: intents.map((intent) => requestHash(verb.request(intent))) },
    ...verb.columns(intents),
  ];
  const { rows } =
    await sql<Answer>`select i, code, result from ${sql.raw(verb.function)}(${sql.join(columns.map(argument))})`.execute(
      db,
    );
  return rows;
}

function resultOf<Result>(code: string, result: object | null): Result {
  const posted = code === 'ok' || code === 'earlier';
  return (posted ? revive(result) : { ...revive(result ?? {}), ok: false, code }) as Result;
}

function argument({ type, values }: Column): RawBuilder<unknown> {
  const literal = type === 'text' ? textArray(values.map(String)) : `{${values.join(',')}}`;
  return sql`${literal}::${sql.raw(type)}[]`;
}

/** A text[] as PostgreSQL reads it. */
export function textArray(values: readonly string[]): string {
  return `{${values.map(quoted).join(',')}}`;
}

/** An element of an array literal; the rest of the escaping is the parameter's. */
function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}
