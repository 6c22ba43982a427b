/** Tables of linked wallets, one-time links, deposits and the watcher’s place, migration 010-wallets. Part of schema.ts. */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the migration's author
export interface WalletSchema {}
