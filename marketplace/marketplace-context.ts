// What every step of the marketplace works with, built once by create-marketplace.ts and passed by name. No step keeps
// state of its own: what must survive is in the database, what is only true of this process is in `live` and `trainings`.
import type { Chain, DigestSigner } from '../contracts/client/chain.ts';
import type { Database } from '../db/database.ts';
import type { Engine } from '../engine/engine.ts';
import type { LiveCalls } from './live-calls.ts';
import type { LiveTrainings } from './live-trainings.ts';
import type { MarketplaceNews } from './marketplace.ts';
import type { MarketplaceSettings } from './marketplace-settings.ts';

/** A pino logger, or anything shaped like one. Never given secrets or whole prompts. */
export interface MarketplaceLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface MarketplaceContext {
  readonly db: Database;
  readonly engine: Engine;
  readonly settings: MarketplaceSettings;
  /** Adapters and gradient stores lie here; paths in the database are relative to it. */
  readonly dataDir: string;
  /** The shipped demo: `<slug>.jsonl`, `.heldout.jsonl`, `.decoys.jsonl`. */
  readonly demoDir: string;
  readonly log: MarketplaceLog;
  readonly clock: () => Date;
  /** Null where this machine has no chain: deposits and claims are then refused with the reason. */
  readonly chain: Chain | null;
  /** Signs receipts. */
  readonly nodeKey: DigestSigner;
  readonly live: LiveCalls;
  readonly trainings: LiveTrainings;
  /** Aborted by stop(): long work ends at its next step and is taken up again at the next start. */
  readonly stopping: AbortSignal;
  /** Tells news to the bots; set by start(). */
  readonly tellNews: (news: MarketplaceNews) => Promise<void>;
}
