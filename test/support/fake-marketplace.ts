// A marketplace in memory for tests of what people see: amounts, refusals and results are set by the test, money is a
// number in a map. It implements the whole face and nothing of the rules; those are tested against the real one.
import { nano, openNano } from '../../db/ledger/amount.ts';
import type { PublicBooks } from '../../marketplace/books-verbs.ts';
import type { ContributeResult, ReviewItem } from '../../marketplace/datanets/intake-views.ts';
import type {
  AskInput,
  CallDone,
  CallRefusal,
  CallView,
  ConsentWanted,
  DatanetProgress,
  Identity,
  Marketplace,
  ModelSummary,
  Person,
  Provenance,
} from '../../marketplace/marketplace.ts';
import type { CancelResult, TrainingChart, TrainingsView } from '../../marketplace/training-views.ts';
import { createFakeClaims, type FakeClaims } from './fake-claims.ts';
import { createFakeMoney, type FakeMoney } from './fake-money.ts';
import { createFakeStatements, type FakeStatements } from './fake-statements.ts';
import { createFakeWallets, type FakeWallets } from './fake-wallets.ts';

export const atlasModel: ModelSummary = {
  id: 'model-1',
  slug: 'pocket-atlas',
  title: 'Pocket Atlas',
  description: 'Knows the capitals of the world.',
  datanetSlug: 'atlas',
  versionNumber: 1,
  rateCard: {
    perCallNano: openNano('0.002'),
    per1kPromptTokensNano: nano(0n),
    per1kAnswerTokensNano: openNano('0.1'),
  },
  ceilingNano: openNano('0.0084'),
  splitBps: { data: 5000, creator: 2500, node: 1500, platform: 1000 },
  retired: false,
  calls: 12,
  contributors: 15,
  exampleQuestions: ['What is the capital of Portugal?', 'Which city is the capital of Peru?'],
  evaluation: {
    ...{ adapter: 0.914, base: 0.031, items: 1328 },
    intervals: { adapter: [0.898, 0.928], base: [0.022, 0.041] },
  },
  audit: {
    state: 'passed',
    found: {
      lds: { value: 0.632, low: 0.571, high: 0.688 },
      locoPearson: { value: 0.66, low: 0.58, high: 0.73 },
      top1: { value: 0.94, low: 0.88, high: 0.98 },
      ...{ retrainings: 20, queries: 60, at: new Date('2026-01-02T03:04:05Z'), source: 'shipped' },
    },
    thresholds: { auditLdsMin: 0.3, auditTop1Min: 0.8 },
    ...{ short: [], progress: null },
    checked: { calls: 0, rank: null, error: null },
  },
  readiness: 'warm',
};

export const atlasDatanet: DatanetProgress = {
  id: 'datanet-1',
  slug: 'atlas',
  title: 'Pocket Atlas',
  description: 'Capitals, rivers and mountains.',
  licence: 'CC BY 4.0',
  state: 'published',
  accepted: 332,
  waitingReview: 2,
  newSinceVersion: 7,
  neededForNextVersion: 20,
  contributors: [
    { pseudonym: 'amber-heron', accepted: 40, earnedNano: openNano('0.125') },
    { pseudonym: 'quiet-otter', accepted: 31, earnedNano: nano(0n) },
  ],
  versions: [
    {
      ...{ number: 1, contributions: 332, modelState: 'published' },
      ...{ merkleRoot: 'ab'.repeat(32), note: '91 % right' },
    },
  ],
  training: null,
};

interface FakeCall {
  readonly callId: string;
  readonly person: Person;
  readonly question: string;
}

export interface FakeMarketplace extends Marketplace {
  readonly wallets: FakeWallets;
  readonly claiming: FakeClaims;
  listed: ModelSummary[];
  datanetList: DatanetProgress[];
  /** The pieces of the next answers, in turn; the last is repeated. */
  answers: string[][];
  /** What the next ask() is refused with, once. */
  refuseNext: CallRefusal | null;
  /** Thrown by the next call of any method that asks the books, once. */
  failNext: Error | null;
  /** Places in the engine's line that the next answer passes through, 0 last; `between` is waited for at each. */
  queueNext: number[];
  booksNow: PublicBooks | null;
  readonly money: FakeMoney;
  readonly statements: FakeStatements;
  /** Waited for between two pieces of an answer. */
  between: () => Promise<void>;
  reviewItems: ReviewItem[];
  /** How many others have to agree before a verdict decides. */
  reviewsMissing: number;
  provenances: Map<string, Provenance>;
  /** What "Sentence by sentence" finds, by call. */
  sentences: Map<string, Awaited<ReturnType<Marketplace['sentenceMakers']>>>;
  readonly outcomes: Map<string, CallDone | CallRefusal>;
  contributeResult: (consented: boolean) => ContributeResult;
  readonly balances: Map<string, bigint>;
  readonly asked: AskInput[];
  readonly votes: Map<string, number>;
  readonly contributions: { question: string; answer: string; slug: string }[];
  readonly reviews: { id: string; verdict: string; reason?: string }[];
  readonly forgotten: string[];
  /** What a vote of somebody who has not consented asks for. */
  consentWanted: ConsentWanted | null;
  trainingsNow: TrainingsView;
  readonly charts: Map<string, TrainingChart>;
  readonly cancelled: string[];
  cancelResult: CancelResult;
}

const PRICE = openNano('0.0125');
const CEILING = openNano('0.02');

export function createFakeMarketplace(): FakeMarketplace {
  const people = new Map<string, Person>();
  const chosen = new Map<string, string>();
  const calls = new Map<string, FakeCall>();
  const events = new Map<string, string>();
  const consents = new Set<string>();
  const placeOf = (key: AskInput['conversationKey'], person: Person) =>
    `${key.platform}:${key.conversationId}:${person.id}`;
  const have = (person: Person): bigint => fake.balances.get(person.id) ?? 0n;
  const orFail = (): void => {
    const fault = fake.failNext;
    fake.failNext = null;
    if (fault !== null) throw fault;
  };

  const ask = async (input: AskInput, view: CallView): Promise<CallDone | CallRefusal> => {
    fake.asked.push(input);
    orFail();
    const seen = events.get(input.eventKey);
    if (seen !== undefined) return { ok: false, code: 'already_answered', callId: seen };
    const refusal = fake.refuseNext;
    fake.refuseNext = null;
    if (refusal !== null) return refusal;
    const slug = input.modelSlug ?? chosen.get(placeOf(input.conversationKey, input.person));
    const model = fake.listed.find((each) => each.slug === slug);
    if (model === undefined) return { ok: false, code: 'no_model_chosen' };
    if (model.retired) return { ok: false, code: 'model_retired', title: model.title };
    const available = nano(have(input.person));
    await view.quoted({
      ceilingNano: CEILING,
      availableNano: available,
      promptTokens: 20,
      answerTokensMax: 64,
      shortenedBy: null,
      firstOfModel: calls.size === 0,
    });
    if (available < CEILING)
      return { ok: false, code: 'balance_too_low', neededNano: CEILING, availableNano: available };
    const pieces = (fake.answers.length > 1 ? fake.answers.shift() : fake.answers[0]) ?? [];
    for (const position of fake.queueNext.splice(0)) {
      view.queued(position);
      await fake.between();
    }
    let text = '';
    let reason: CallDone['reason'] = 'stop';
    for (const piece of pieces) {
      text += piece;
      view.text(text);
      await fake.between();
      if (input.signal.aborted) {
        reason = 'cancelled';
        break;
      }
    }
    const number = calls.size + 1;
    const callId = `call-${number}`;
    calls.set(callId, { callId, person: input.person, question: input.text });
    events.set(input.eventKey, callId);
    fake.balances.set(input.person.id, available - PRICE);
    return {
      ok: true,
      callId,
      receiptNumber: String(number),
      text,
      reason,
      priceNano: PRICE,
      availableNano: nano(available - PRICE),
      modelTitle: model.title,
      versionNumber: model.versionNumber,
      droppedMessages: 0,
      warnings: money.warnNext.splice(0),
      shortenedBy: null,
    };
  };

  const wallets = createFakeWallets();
  const claiming = createFakeClaims();
  const money = createFakeMoney();
  const statements = createFakeStatements();
  const fake: FakeMarketplace = {
    wallets,
    claiming,
    listed: [atlasModel],
    datanetList: [atlasDatanet],
    answers: [['Lisbon ', 'is the capital ', 'of Portugal.']],
    refuseNext: null,
    failNext: null,
    queueNext: [],
    booksNow: null,
    books: async () => fake.booksNow,
    statements,
    money,
    between: async () => {},
    reviewItems: [],
    reviewsMissing: 0,
    provenances: new Map(),
    sentences: new Map(),
    outcomes: new Map(),
    contributeResult: (consented) =>
      consented
        ? { ok: true, contributionId: 'contribution-9', waitingReview: 3 }
        : {
            ok: false,
            code: 'consent_missing',
            datanetSlug: 'atlas',
            licence: 'CC BY 4.0',
            consentText: 'You wrote it yourself and give it under the licence below.',
          },
    balances: new Map(),
    asked: [],
    votes: new Map(),
    contributions: [],
    reviews: [],
    forgotten: [],
    consentWanted: null,
    trainingsNow: { active: [], recent: [] },
    charts: new Map(),
    cancelled: [],
    cancelResult: { ok: true, modelTitle: 'Pocket Atlas' },

    async person({ platform, userId, displayName }: Identity) {
      orFail();
      const key = `${platform}:${userId}`;
      const known = people.get(key);
      if (known !== undefined) return known;
      const id = `person-${people.size + 1}`;
      people.set(key, { id, pseudonym: displayName, isNew: false });
      if (!fake.balances.has(id)) fake.balances.set(id, openNano('10'));
      return { id, pseudonym: displayName, isNew: true };
    },
    balance: async (person) => ({
      balanceNano: nano(0n),
      grantNano: nano(have(person)),
      heldNano: nano(0n),
      earnedNano: nano(0n),
      trialNano: nano(0n),
      claimableNano: null,
      today: money.todaysBudget,
      recent: money.historyNow,
    }),
    models: async () => fake.listed,
    model: async (slug) => fake.listed.find((model) => model.slug === slug) ?? null,
    async chooseModel({ person, conversationKey, slug }) {
      const model = fake.listed.find((each) => each.slug === slug) ?? null;
      if (model !== null) chosen.set(placeOf(conversationKey, person), slug);
      return model;
    },
    chosenModel: async (key, person) =>
      fake.listed.find((model) => model.slug === chosen.get(placeOf(key, person))) ?? null,
    async newConversation(key) {
      fake.forgotten.push(key.conversationId);
    },
    ask,
    outcomeOf: async (eventKey) => fake.outcomes.get(eventKey) ?? null,
    questionOf: async (callId, person) => {
      const call = calls.get(callId);
      return call?.person.id === person.id ? call.question : null;
    },
    async rate({ callId, person, value }) {
      const call = calls.get(callId);
      if (call === undefined) return { ok: false, code: 'not_found' };
      if (call.person.id !== person.id) return { ok: false, code: 'not_your_call' };
      const changed = (fake.votes.get(callId) ?? value) !== value;
      fake.votes.set(callId, value);
      return {
        ok: true,
        changed,
        consentWanted: consents.has(`${person.id}:atlas`) ? null : fake.consentWanted,
      };
    },
    async correct({ callId, person, answer }) {
      const call = calls.get(callId);
      if (call === undefined) return { ok: false, code: 'not_found' };
      if (call.person.id !== person.id) return { ok: false, code: 'not_your_call' };
      const result = fake.contributeResult(consents.has(`${person.id}:atlas`));
      if (result.ok) fake.contributions.push({ question: call.question, answer, slug: 'atlas' });
      return result;
    },
    provenance: async (callId) => fake.provenances.get(callId) ?? null,
    sentenceMakers: async (callId) => fake.sentences.get(callId) ?? { ok: false, code: 'not_found' },
    async receipt({ person, number }) {
      const own = [...calls.values()].filter((call) => call.person.id === person.id);
      const call = number === undefined ? own.at(-1) : own.find(({ callId }) => callId === `call-${number}`);
      if (call === undefined) return null;
      const shown = call.callId.slice(5);
      return {
        number: shown,
        mine: true,
        json: `{"receipt":${shown}}`,
        summary: ['Pocket Atlas v1', 'Price 0.0125 OPEN'],
      };
    },
    datanets: async () => fake.datanetList,
    datanet: async (slug) => fake.datanetList.find((each) => each.slug === slug) ?? null,
    async consent(person, slug) {
      consents.add(`${person.id}:${slug}`);
      return true;
    },
    given: async (person) =>
      consents.has(`${person.id}:atlas`)
        ? [{ datanetTitle: 'Pocket Atlas', contributions: fake.contributions.length, votes: fake.votes.size }]
        : [],
    async withdraw(person) {
      const datanets = consents.delete(`${person.id}:atlas`) ? 1 : 0;
      return { datanets, contributions: fake.contributions.splice(0).length };
    },
    async contribute({ person, datanetSlug, question, answer }) {
      orFail();
      const result = fake.contributeResult(consents.has(`${person.id}:${datanetSlug}`));
      if (result.ok) fake.contributions.push({ question, answer, slug: datanetSlug });
      return result;
    },
    nextReview: async () => fake.reviewItems[0] ?? null,
    async review({ contributionId, verdict, reason }) {
      const at = fake.reviewItems.findIndex((item) => item.contributionId === contributionId);
      if (at < 0) return { ok: false, code: 'already_decided' };
      fake.reviewItems.splice(at, 1);
      fake.reviews.push({ id: contributionId, verdict, reason });
      return {
        ok: true,
        state: fake.reviewsMissing > 0 ? 'waiting' : verdict === 'accept' ? 'accepted' : 'rejected',
        missing: fake.reviewsMissing,
        newSinceVersion: 8,
        neededForNextVersion: 20,
        trainingStarted: false,
      };
    },
    ...wallets.verbs,
    ...claiming.verbs,
    ...statements.verbs,
    auditDays: async () => [],
    auditDay: async () => null,
    ...money.verbs,
    trainings: async () => fake.trainingsNow,
    trainingChart: async (runId) => fake.charts.get(runId) ?? null,
    cancelTraining: async ({ runId }) => {
      fake.cancelled.push(runId);
      return fake.cancelResult;
    },
    start: async () => {},
    stop: async () => {},
  };
  return fake;
}
