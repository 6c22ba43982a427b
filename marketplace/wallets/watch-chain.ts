// The watcher: follows the vault's logs round after round until the marketplace stops. Used by create-marketplace.ts, one a
// database. Nothing that the RPC does ends it: a fault is told once, the pause grows, and a node that refuses a range of
// blocks is asked for half of it. An alarm (see chain-round.ts) is told once and holds until an operator decides.
// States: following → (fault) waiting → following; stopped by an alarm → following once it is lifted.
import { type Chain, ChainFault } from '../../contracts/client/chain.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway } from '../wait-for-database.ts';
import { createCoverageCheck } from './chain-coverage.ts';
import { chainRound, type RoundEnd, STEP_BLOCKS_MAX } from './chain-round.ts';

const PAUSE_MS_MAX = 60_000;
/** A node that does not answer may find a range too rich, but hardly one of this size: after an outage it is most likely well. */
const STEP_BLOCKS_UNANSWERED = 100n;

/** Rounds that remember what was told already and how many blocks the node takes. */
export function createWatcher(
  market: MarketplaceContext,
  chain: Chain,
): { round(): Promise<RoundEnd | null> } {
  let stepBlocks = STEP_BLOCKS_MAX;
  let told = '';
  /** Says a state once; the next state is news again. */
  const tell = (level: 'info' | 'warn' | 'error', state: string, facts: object, message: string): void => {
    if (told === state) return;
    const wasWell = told === '';
    told = state;
    if (state !== '' || !wasWell) market.log[level](facts, message);
  };
  const checkCoverage = createCoverageCheck(market, chain);
  return {
    /** Null when the round failed; the reason was told. */
    async round() {
      try {
        const end = await chainRound(market, chain, stepBlocks);
        if (end.state === 'stopped')
          tell(
            'error',
            'stopped',
            { alarm: end.alarm },
            'the watcher credits nothing until an operator decides',
          );
        else if (end.state === 'behind')
          tell('warn', 'behind', { why: end.why }, 'the chain’s node is behind; waiting');
        else tell('info', '', {}, 'the watcher follows the chain again');
        if (end.state === 'followed') {
          stepBlocks = stepBlocks * 2n > STEP_BLOCKS_MAX ? STEP_BLOCKS_MAX : stepBlocks * 2n;
          await checkCoverage();
        }
        return end;
      } catch (fault) {
        if (fault instanceof ChainFault) {
          const least = fault.code === 'chain_unreachable' ? STEP_BLOCKS_UNANSWERED : 1n;
          if (stepBlocks > least) stepBlocks = stepBlocks / 2n > least ? stepBlocks / 2n : least;
          tell('warn', 'chain', { err: fault, code: fault.code }, 'the chain cannot be read; trying again');
        } else {
          const away = isDatabaseAway(fault);
          tell(
            away ? 'warn' : 'error',
            away ? 'database' : 'bug',
            { err: fault },
            'a round of the watcher failed',
          );
        }
        return null;
      }
    },
  };
}

/** Follows the chain every `chainPollMs` until the marketplace stops; does nothing where there is no chain. */
export function watchChainRegularly(market: MarketplaceContext): { stop(): Promise<void> } {
  const { chain } = market;
  if (chain === null) return { stop: async () => {} };
  const watcher = createWatcher(market, chain);
  let stopped = false;
  let pauseMs = market.settings.chainPollMs;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const next = (): void => {
    running = watcher.round().then((end) => {
      const calm = end !== null && end.state !== 'behind';
      pauseMs = calm ? market.settings.chainPollMs : Math.min(pauseMs * 2, PAUSE_MS_MAX);
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
