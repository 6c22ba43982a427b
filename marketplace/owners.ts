// The account owners that are no persons: this machine as a compute node, and the marketplace itself. Used by
// settle-call.ts, receipts and the tour. (The treasury's owner is the ledger's own.)

export const NODE_OWNER = 'node:local';
export const PLATFORM_OWNER = 'platform';
