// What every command and button handler gets: the event, the line back, the marketplace, and the person (asked for once
// per event). Used by all files here. It knows no platform by name. Built by create-command-handler.ts.
import type { AskInput, Marketplace, Person } from '../../marketplace/marketplace.ts';
import type { DurableDelivery } from '../core/durable-delivery.ts';
import type { BotLog, Inbound, Responder, Source } from '../core/platform.ts';
import { shownName } from '../core/sanitize-text.ts';
import type { ContributionDraft } from './contribution-drafts.ts';
import type { Drafts } from './drafts.ts';
import type { RefundDraft } from './refund-command.ts';
import type { RunningCalls } from './running-calls.ts';

interface CommandDeps {
  readonly marketplace: Marketplace;
  readonly delivery: DurableDelivery;
  readonly log: BotLog;
  readonly calls: RunningCalls;
  readonly drafts: Drafts<ContributionDraft>;
  readonly refundDrafts: Drafts<RefundDraft>;
  /** Where the wallet page stands; null where none is served. */
  readonly walletPageUrl: string | null;
  /** Longest question or form answer taken, in UTF-16 units. */
  readonly questionCharsMax: number;
}

export interface CommandContext extends CommandDeps {
  readonly event: Inbound;
  readonly source: Source;
  readonly respond: Responder;
  readonly conversationKey: AskInput['conversationKey'];
  /** Finds or makes the person; `isNew` stays true for the whole event that made them. */
  person(): Promise<Person>;
}

export function createCommandContext(deps: CommandDeps, event: Inbound, respond: Responder): CommandContext {
  const { source } = event;
  let person: Promise<Person> | null = null;
  return {
    ...deps,
    event,
    source,
    respond,
    conversationKey: { platform: source.platform, conversationId: source.conversationId },
    person() {
      person ??= deps.marketplace.person({
        platform: source.platform,
        userId: source.userId,
        displayName: shownName(source.displayName),
      });
      return person;
    },
  };
}
