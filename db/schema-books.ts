/** Tables of stored proofs of the books, migration 009-books. Part of schema.ts. */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the migration's author
export interface BooksSchema {}
