// The books as anybody may see them: sums per kind of account, how far coins stand behind what is owed, and when that was
// last proved. Figures of the newest stored proof, so that looking costs nothing and everybody sees the same. No personal data.
import type { Nano } from '../db/ledger/amount.ts';
import { nano } from '../db/ledger/amount.ts';
import { newestProof } from '../db/ledger/books-proof.ts';
import type { AccountKind } from '../db/schema.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

export interface PublicBooks {
  readonly proof: {
    readonly number: number;
    readonly at: Date;
    readonly ok: boolean;
    /** How many rules were looked at, and which do not hold. */
    readonly rules: number;
    readonly broken: readonly string[];
    /** SHA-256 over the figures and the proof before. */
    readonly hash: string;
  };
  readonly totals: readonly {
    readonly kind: AccountKind;
    readonly accounts: number;
    readonly balanceNano: Nano;
  }[];
  readonly paidCalls: number;
  readonly capturedNano: Nano;
  readonly contributorsNano: Nano;
  /** Owed to people, authors, nodes and the platform. */
  readonly owedNano: Nano;
  /** Of that: promised by the treasury without coins behind it. */
  readonly promisedNano: Nano;
  readonly claimableNano: Nano;
  /** In the vault's contract; null = this machine has no chain, or it could not be asked. */
  readonly coinsNano: Nano | null;
}

export interface BooksVerbs {
  /** The newest stored proof's figures; null before the first, which is made within seconds of the first start. */
  books(): Promise<PublicBooks | null>;
}

export const booksVerbs = (market: Pick<MarketplaceContext, 'db'>): BooksVerbs => ({
  books: () => readBooks(market),
});

async function readBooks({ db }: Pick<MarketplaceContext, 'db'>): Promise<PublicBooks | null> {
  const proof = await newestProof(db);
  if (proof === undefined) return null;
  const { number, at, ok, hash, figures } = proof;
  const amount = (text: string | null): Nano => nano(BigInt(text ?? 0));
  const { coverage } = figures;
  return {
    proof: { number, at, ok, hash, rules: figures.rules, broken: figures.broken },
    totals: figures.totals.map(({ kind, accounts, balanceNano }) => ({
      kind,
      accounts,
      balanceNano: amount(balanceNano),
    })),
    paidCalls: figures.capturedCalls,
    capturedNano: amount(figures.capturedNano),
    contributorsNano: amount(figures.contributorsNano),
    owedNano: amount(coverage.owedNano),
    promisedNano: amount(coverage.promisedNano),
    claimableNano: amount(coverage.claimableNano),
    coinsNano: coverage.coinsNano === null ? null : amount(coverage.coinsNano),
  };
}
