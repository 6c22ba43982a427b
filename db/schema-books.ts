/** Tables of stored proofs of the books, migration 009-books. Part of schema.ts. */
import type { ColumnType } from 'kysely';
import type { Json } from './column-types.ts';
import type { ProofFigures } from './ledger/books-proof.ts';

interface BooksProofTable {
  number: number;
  at: ColumnType<Date, Date, never>;
  ok: boolean;
  figures: Json<ProofFigures>;
  firstDifference: string | null;
  previousHash: string | null;
  hash: string;
}

export interface BooksSchema {
  booksProof: BooksProofTable;
}
