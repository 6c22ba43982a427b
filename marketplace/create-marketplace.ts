// Builds the marketplace from a database, an engine and two folders: every verb of marketplace.ts, wired to the file
// that does it, and the background work. Used by the composition root and by tests. It decides nothing itself.
// One marketplace process serves one database (see live-calls.ts; kept by db/process-lock.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain, DigestSigner } from '../contracts/client/chain.ts';
import { openNodeKey } from '../contracts/client/keystore.ts';
import type { Database } from '../db/database.ts';
import { currentRole, transact } from '../db/database.ts';
import { rollUpRegularly } from '../db/ledger/roll-up.ts';
import { getCall } from '../db/repositories/call-repository.ts';
import { getDatanetBySlug, listDatanets } from '../db/repositories/datanet-repository.ts';
import { getModelBySlug, listModels } from '../db/repositories/model-repository.ts';
import { requeueInterruptedRuns } from '../db/repositories/training-run-repository.ts';
import type { Model } from '../db/schema.ts';
import type { Engine } from '../engine/engine.ts';
import { attributeCall } from './attribute-call.ts';
import { auditVersion } from './attribution/audits/audit-version.ts';
import { checkCall } from './attribution/audits/check-call.ts';
import { adoptShippedAudits } from './attribution/audits/shipped-audit.ts';
import { sentenceMakers } from './attribution/sentence-makers.ts';
import { auditVerbs } from './audit-verbs.ts';
import { proveBooksRegularly } from './books/prove-books-regularly.ts';
import { booksVerbs } from './books-verbs.ts';
import { budgetVerbs } from './budget-verbs.ts';
import { chooseModel, chosenModel, newConversation } from './choose-model.ts';
import { claimVerbs } from './claim-verbs.ts';
import { contribute } from './datanets/contribute.ts';
import { giveConsent } from './datanets/give-consent.ts';
import { readDatanet } from './datanets/read-datanet.ts';
import { nextReview, reviewContribution } from './datanets/review-contribution.ts';
import { readGiven, withdraw } from './datanets/withdraw-consent.ts';
import { cancelTraining } from './factory/cancel-training.ts';
import { drawTraining } from './factory/draw-training.ts';
import { readTrainings } from './factory/read-trainings.ts';
import { trainVersion } from './factory/train-version.ts';
import { correctAnswer } from './feedback/correct-answer.ts';
import { rateCall } from './feedback/rate-call.ts';
import { createJobRunner, prepareJobs } from './jobs/job-runner.ts';
import { wakeModel } from './listings/model-readiness.ts';
import { modelSummary } from './listings/model-summary.ts';
import { createLiveCalls } from './live-calls.ts';
import { createLiveTrainings } from './live-trainings.ts';
import type { Marketplace, MarketplaceNews, ModelSummary } from './marketplace.ts';
import type { MarketplaceContext, MarketplaceLog } from './marketplace-context.ts';
import { DEFAULT_SETTINGS, type MarketplaceSettings } from './marketplace-settings.ts';
import { paidCall } from './paid-call.ts';
import { settleRegularly } from './payouts/settle-regularly.ts';
import { personBehind } from './people.ts';
import { readBalance } from './read-balance.ts';
import { readCallOutcome } from './read-call-outcome.ts';
import { type CallStory, readCallStory } from './read-call-story.ts';
import { readProvenance } from './read-provenance.ts';
import { readReceipt } from './receipts/read-receipt.ts';
import { signReceiptsRegularly } from './receipts/sign-receipts.ts';
import { type Reconciled, reconcile, reconcileRegularly } from './reconciler.ts';
import { refundVerbs } from './refund-verbs.ts';
import { seedDemo } from './seed-demo.ts';
import { statementVerbs } from './statement-verbs.ts';
import { walletVerbs } from './wallet-verbs.ts';
import { chainMismatch } from './wallets/chain-mismatch.ts';
import { refuseOtherVault } from './wallets/one-vault.ts';
import { watchChainRegularly } from './wallets/watch-chain.ts';

/** How long stop() waits for calls and jobs to end; what does not end in time, the next start settles or takes up. */
const STOP_WAIT_MS = 10_000;

export interface MarketplaceOptions {
  readonly db: Database;
  /** The same database, for the job queue's own connections. */
  readonly databaseUrl: string;
  /** As whom the queue's tables are made; default `databaseUrl`. */
  readonly ownerUrl?: string;
  readonly engine: Engine;
  readonly dataDir: string;
  readonly demoDir: string;
  readonly log: MarketplaceLog;
  /** One line of progress for people: the first start takes a while. */
  readonly say?: (line: string) => void;
  /** False leaves out the demo datanet and its model. */
  readonly withDemo?: boolean;
  readonly clock?: () => Date;
  /** Default: no chain. */
  readonly chain?: Chain | null;
  /** Signs receipts; default: the key in the data folder, made at the first start. */
  readonly nodeKey?: DigestSigner;
  readonly settings?: Partial<MarketplaceSettings>;
}

/** The marketplace, with what only its owner (the composition root, the tour, tests) may do. */
export interface OwnedMarketplace extends Marketplace {
  /** Everything written down about one call, with its receipt verified. */
  callStory(callId: string): Promise<CallStory | null>;
  /** Attributes a captured call now instead of by its job: for the tour, which runs no background work. */
  attributeNow(callId: string, attempt?: number): Promise<void>;
  /** One round of the reconciler. */
  reconcile(): Promise<Reconciled>;
}

/**
 * Prepares the job queue and, where they are missing, the demo datanet and its model (a minute on the first start).
 * Nothing runs in the background before start().
 * @throws ChainFault when the database keeps the books of another vault than the chain's
 */
export async function createMarketplace(options: MarketplaceOptions): Promise<OwnedMarketplace> {
  const {
    db,
    databaseUrl,
    ownerUrl = databaseUrl,
    engine,
    dataDir,
    demoDir,
    log,
    clock = () => new Date(),
  } = options;
  const stopping = new AbortController();
  let onNews: (news: MarketplaceNews) => Promise<void> = async () => {};
  const market: MarketplaceContext = {
    db,
    engine,
    dataDir,
    demoDir,
    log,
    clock,
    chain: options.chain ?? null,
    nodeKey: options.nodeKey ?? (await openNodeKey(dataDir)),
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    live: createLiveCalls(),
    trainings: createLiveTrainings(),
    stopping: stopping.signal,
    tellNews: (news) => onNews(news),
  };
  if (market.chain !== null) {
    await refuseOtherVault(db, market.chain);
    const mismatch = await chainMismatch(db, market.chain);
    if (mismatch !== null) options.say?.(mismatch);
  }
  await prepareJobs(ownerUrl, log, await currentRole(db));
  if (options.withDemo ?? true) {
    await seedDemo(market, options.say ?? (() => {}));
    await adoptShippedAudits(market);
  }
  const background = createBackground(market, databaseUrl);
  return {
    ...verbsOf(market),
    callStory: (callId) => readCallStory(market, callId),
    attributeNow: (callId, attempt = 1) => attributeCall(market, callId, attempt),
    reconcile: () => reconcile(market),
    async start(tellNews) {
      onNews = tellNews;
      await background.start();
    },
    async stop() {
      stopping.abort();
      await withinStopWait(market.live.idle());
      await withinStopWait(background.stop());
    },
  };
}

async function withinStopWait(ending: Promise<void>): Promise<void> {
  await Promise.race([ending, sleep(STOP_WAIT_MS, undefined, { ref: false })]);
}

function verbsOf(market: MarketplaceContext): Omit<Marketplace, 'start' | 'stop'> {
  const { db } = market;
  /** One model that somebody looks at: its adapter is woken, and the page tells where it is. */
  const lookedAt = async (model: Model | undefined): Promise<ModelSummary | null> => {
    if (model === undefined) return null;
    const [summary, readiness] = await Promise.all([modelSummary(market, model), wakeModel(market, model)]);
    return { ...summary, readiness };
  };
  return {
    person: (identity) => personBehind(market, identity),
    balance: (person) => readBalance(market, person.id),
    models: async () => Promise.all((await listModels(db)).map((model) => modelSummary(market, model))),
    model: async (slug) => lookedAt(await getModelBySlug(db, slug)),
    chooseModel: async (input) => lookedAt(await chooseModel(market, input)),
    chosenModel: async (conversationKey, person) =>
      lookedAt(await chosenModel(market, conversationKey, person)),
    newConversation: (conversationKey, person) => newConversation(market, conversationKey, person),
    ask: (input, view) => paidCall(market, input, view),
    outcomeOf: (eventKey) => readCallOutcome(market, eventKey),
    async questionOf(callId, person) {
      const call = await getCall(db, callId);
      return call?.personId === person.id ? call.prompt : null;
    },
    rate: (input) => rateCall(market, input),
    correct: (input) => correctAnswer(market, input),
    provenance: (callId, place) => readProvenance(market, callId, place),
    sentenceMakers: (callId, place) => sentenceMakers(market, callId, place),
    receipt: (input) => readReceipt(market, input),
    datanets: async () =>
      Promise.all((await listDatanets(db)).map((datanet) => readDatanet(market, datanet))),
    async datanet(slug) {
      const datanet = await getDatanetBySlug(db, slug);
      return datanet === undefined ? null : await readDatanet(market, datanet);
    },
    consent: (person, datanetSlug) => giveConsent(market, person.id, datanetSlug),
    given: (person) => readGiven(market, person.id),
    withdraw: (person) => withdraw(market, person.id),
    contribute: (input) => contribute(market, input),
    nextReview: (person) => nextReview(market, person),
    review: (input) => reviewContribution(market, input),
    trainings: (person) => readTrainings(market, person),
    trainingChart: (runId, method) => drawTraining(market, runId, method),
    cancelTraining: (input) => cancelTraining(market, input),
    ...auditVerbs(market),
    ...booksVerbs(market),
    ...budgetVerbs(market),
    ...claimVerbs(market),
    ...walletVerbs(market),
    ...refundVerbs(market),
    ...statementVerbs(market),
  };
}

/** Jobs and reconciler. start() first settles and requeues what a dead process left. */
function createBackground(
  market: MarketplaceContext,
  databaseUrl: string,
): { start(): Promise<void>; stop(): Promise<void> } {
  /** In the order of their start; stopped backwards. */
  let loops: readonly { stop(): Promise<void> }[] = [];
  const jobs = createJobRunner({
    connectionString: databaseUrl,
    log: market.log,
    trainParallel: market.settings.trainParallel,
    tasks: {
      'attribute-call': ({ callId }, attempt) => attributeCall(market, callId, attempt),
      'train-version': ({ runId }, attempt) => trainVersion(market, runId, attempt),
      'audit-version': ({ auditId }, attempt) => auditVersion(market, auditId, attempt),
      'check-call': ({ callId }) => checkCall(market, callId),
      'tell-news': (news) => market.tellNews(news),
    },
  });
  return {
    async start() {
      await transact(market.db, requeueInterruptedRuns);
      await reconcile(market);
      await jobs.start();
      loops = [
        rollUpRegularly(market.db, {
          onFault: (err) => market.log.warn({ err }, 'a roll-up of balances failed'),
        }),
        reconcileRegularly(market),
        signReceiptsRegularly(market),
        proveBooksRegularly(market),
        watchChainRegularly(market),
        settleRegularly(market),
      ];
    },
    async stop() {
      for (const loop of loops.toReversed()) await loop.stop();
      await jobs.stop();
    },
  };
}
