/**
 * Stored proofs of the books: one a night, each with the hash of the one before, so that none can be taken out, put in or
 * altered unseen. Used by the marketplace's nightly job, by `/books`, by `npm run books`, and by whoever pays out:
 * `booksAreSound` is false from a failed proof until a later one holds. Proofs are only ever added.
 */
import { createHash } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import type { BooksSchema } from '../schema-books.ts';
import type { Books } from './books.ts';

export type BooksProof = Readonly<Selectable<BooksSchema['booksProof']>>;

/** What a proof keeps of the books; amounts as decimal text. */
export interface ProofFigures {
  readonly rules: number;
  readonly broken: readonly string[];
  readonly totals: readonly {
    readonly kind: AccountKind;
    readonly accounts: number;
    readonly balanceNano: string;
  }[];
  readonly coverage: Readonly<Record<keyof Books['coverage'], string | null>>;
  readonly transfers: number;
  readonly entries: number;
  readonly openHolds: number;
  readonly capturedCalls: number;
  readonly capturedNano: string;
  readonly contributorsNano: string;
}

/** Any number that nothing else in this database uses as an advisory lock. */
const LOCK = 7_305_211_405;

/** Adds a proof to the chain; two at once follow each other. */
export async function storeProof(tx: Tx, proved: Books): Promise<BooksProof> {
  await sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
  const previous = await newestProof(tx);
  const row = {
    number: (previous?.number ?? 0) + 1,
    at: proved.at,
    ok: proved.ok,
    figures: figuresOf(proved),
    firstDifference: proved.firstDifference,
    previousHash: previous?.hash ?? null,
  };
  return tx
    .insertInto('booksProof')
    .values({ ...row, hash: proofHash(row) })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The newest proof; undefined = none was stored yet. */
export async function newestProof(db: Database): Promise<BooksProof | undefined> {
  return db.selectFrom('booksProof').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst();
}

/** False from the proof that failed until one that holds; true while there is none. Who pays out asks this first. */
export async function booksAreSound(db: Database): Promise<boolean> {
  return (await newestProof(db))?.ok ?? true;
}

/** The number of the first proof whose hash, or whose link to the one before, is not what it should be; null = all are. */
export async function brokenProof(db: Database): Promise<number | null> {
  const proofs = await db.selectFrom('booksProof').selectAll().orderBy('number').execute();
  const at = proofs.findIndex(
    (proof, index) =>
      proof.hash !== proofHash(proof) || proof.previousHash !== (proofs[index - 1]?.hash ?? null),
  );
  return proofs[at]?.number ?? null;
}

function figuresOf(proved: Books): ProofFigures {
  const text = (value: bigint | null) => (value === null ? null : value.toString());
  const { coverage } = proved;
  return {
    rules: proved.invariants.length,
    broken: proved.invariants.filter(({ ok }) => !ok).map(({ name }) => name),
    totals: proved.totals.map(({ kind, accounts, balanceNano }) => ({
      kind,
      accounts,
      balanceNano: balanceNano.toString(),
    })),
    coverage: {
      owedNano: text(coverage.owedNano),
      mirroredNano: text(coverage.mirroredNano),
      promisedNano: text(coverage.promisedNano),
      claimableNano: text(coverage.claimableNano),
      coinsNano: text(coverage.coinsNano),
    },
    transfers: proved.transfers,
    entries: proved.entries,
    openHolds: proved.openHolds,
    capturedCalls: proved.capturedCalls,
    capturedNano: proved.capturedNano.toString(),
    contributorsNano: proved.contributorsNano.toString(),
  };
}

/** SHA-256 over the fields in a fixed order; the figures with their keys sorted, as jsonb does not keep an order. */
function proofHash(proof: Omit<BooksProof, 'hash'>): string {
  const { number, at, ok, figures, firstDifference, previousHash } = proof;
  const fields = [previousHash, number, at.toISOString(), ok, firstDifference, figures];
  return createHash('sha256').update(JSON.stringify(fields, sortedKeys)).digest('hex');
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
