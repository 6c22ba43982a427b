// The settlement's loop: step after step (settle-step.ts) until the marketplace stops. Used by create-marketplace.ts. Nothing
// that chain or database do ends it; what cannot go on is told once, and again when it is something else.
import { type Chain, ChainFault } from '../../contracts/client/chain.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway } from '../wait-for-database.ts';
import { type SettleStep, settleStep } from './settle-step.ts';
import { createRootWatch } from './watch-roots.ts';

const PAUSE_MS_MAX = 60_000;

/** Steps after which there is more to do at once. */
const GOES_ON: readonly SettleStep['did'][] = ['cut', 'built', 'final'];

/** Where an epoch is due and there is nothing to settle, the books are not searched again at once. */
const SEARCH_MS_MAX = 60_000;

/** Settles every `settleEveryMs` until the marketplace stops; does nothing where there is no chain. */
export function settleRegularly(market: MarketplaceContext): { stop(): Promise<void> } {
  const { chain, settings } = market;
  if (chain === null) return { stop: async () => {} };
  const round = createRound(market, chain);
  let stopped = false;
  let pauseMs = settings.settleEveryMs;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const next = (): void => {
    running = round().then((end) => {
      if (end === 'failed') pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      else if (end === 'well') pauseMs = settings.settleEveryMs;
      else pauseMs = Math.max(settings.settleEveryMs, Math.min(settings.epochMs / 10, SEARCH_MS_MAX));
      if (!stopped) timer = setTimeout(next, pauseMs);
    });
  };
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/**
 * One round: as many steps as can be made at once, then the watch-dog's look, which no failing step keeps from looking. When
 * one of both failed, the reason was told.
 */
function createRound(
  market: MarketplaceContext,
  chain: Chain,
): () => Promise<'well' | 'nothing_due' | 'failed'> {
  const watchRoot = createRootWatch(market, chain);
  const tellStep = createTeller(market);
  const tellWatch = createTeller(market);
  const steps = async (): Promise<'well' | 'nothing_due'> => {
    let end: 'well' | 'nothing_due' = 'well';
    for (let goesOn = true; goesOn && !market.stopping.aborted; ) {
      const step = await settleStep(market, chain);
      goesOn = GOES_ON.includes(step.did);
      if (step.did === 'nothing' && step.isDue) end = 'nothing_due';
      if (step.did !== 'stopped') tellStep.well();
      else
        tellStep.once(
          'error',
          step.alarm,
          { alarm: step.alarm },
          'payouts are stopped until an operator has looked',
        );
    }
    return end;
  };
  return async () => {
    const end = await steps().catch((fault: unknown) =>
      tellStep.failed(fault, 'a step of the settlement failed'),
    );
    const watched = await watchRoot().then(
      () => tellWatch.well(),
      (fault: unknown) =>
        // Most likely for the reason that the step was told to have failed for.
        end === 'failed' ? end : tellWatch.failed(fault, 'the roots on chain could not be checked'),
    );
    return watched === 'failed' ? watched : end;
  };
}

/** Says each trouble once, and again when it is another one or was over in between. */
function createTeller({ log, stopping }: MarketplaceContext) {
  let told = '';
  const once = (level: 'warn' | 'error', state: string, facts: object, message: string): void => {
    if (told !== state) log[level](facts, message);
    told = state;
  };
  return {
    once,
    well(): void {
      told = '';
    },
    failed(fault: unknown, what: string): 'failed' {
      if (stopping.aborted) return 'failed';
      if (fault instanceof ChainFault)
        once('warn', fault.code, { err: fault, code: fault.code }, `${what}; trying again`);
      else if (isDatabaseAway(fault)) once('warn', 'database', { err: fault }, what);
      else once('error', 'bug', { err: fault }, what);
      return 'failed';
    },
  };
}
