/** Tables of epochs, their leaves and postings, migration 011-epochs. Part of schema.ts. */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the migration's author
export interface EpochSchema {}
