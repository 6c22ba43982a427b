/** Tables of stored proofs of the books, migration 009-books. Part of schema.ts. */
import type { ColumnType, Generated } from 'kysely';
import type { Json, JsonObject } from './column-types.ts';

interface BooksProofTable {
  number: Generated<number>;
  at: ColumnType<Date, Date, never>;
  ok: boolean;
  figures: Json<JsonObject>;
  firstDifference: string | null;
  previousHash: string | null;
  hash: string;
}

export interface BooksSchema {
  booksProof: BooksProofTable;
}
