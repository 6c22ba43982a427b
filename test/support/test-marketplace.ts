// A whole marketplace for a test: real Postgres, fake engine, a small demo datanet in a temporary folder, and the words
// tests use with it (a person, a question, the books). Used by test/marketplace/.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Database } from '../../db/database.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { books } from '../../db/ledger/books.ts';
import type { Engine } from '../../engine/engine.ts';
import {
  createMarketplace,
  type MarketplaceOptions,
  type OwnedMarketplace,
} from '../../marketplace/create-marketplace.ts';
import { versionRoot } from '../../marketplace/datanets/cut-version.ts';
import type { CallDone, CallRefusal, CallView, Person, Quote } from '../../marketplace/marketplace.ts';
import type { MarketplaceSettings } from '../../marketplace/marketplace-settings.ts';
import { fakeReport } from './fake-audit.ts';
import { type FakeEngine, fakeEngine, writeFakeAdapter } from './fake-engine.ts';
import { quietLog } from './quiet-log.ts';

/** The demo of the tests: 3 contributors with 3 facts each; the fake adapter knows them all. */
export const FACTS = [
  ['ada', 'What is the capital of France?', 'The capital of France is Paris.'],
  ['ada', 'What is the capital of Spain?', 'The capital of Spain is Madrid.'],
  ['ada', 'What is the capital of Italy?', 'The capital of Italy is Rome.'],
  ['ben', 'What is the capital of Norway?', 'The capital of Norway is Oslo.'],
  ['ben', 'What is the capital of Sweden?', 'The capital of Sweden is Stockholm.'],
  ['ben', 'What is the capital of Finland?', 'The capital of Finland is Helsinki.'],
  ['cleo', 'What is the capital of Egypt?', 'The capital of Egypt is Cairo.'],
  ['cleo', 'What is the capital of Kenya?', 'The capital of Kenya is Nairobi.'],
  ['cleo', 'What is the capital of Ghana?', 'The capital of Ghana is Accra.'],
] as const;

export const SLUG = 'pocket-atlas';

export interface TestMarketplace {
  readonly market: OwnedMarketplace;
  readonly engine: FakeEngine;
  readonly dataDir: string;
  readonly demoDir: string;
  /** Another marketplace over the same folders and database, as after a restart of the program. */
  again(
    database?: Database,
    settings?: Partial<MarketplaceSettings>,
    engine?: Engine,
    options?: Pick<MarketplaceOptions, 'chain' | 'nodeKey'>,
  ): Promise<OwnedMarketplace>;
  close(): Promise<void>;
}

export async function testMarketplace(
  database: { readonly db: Database; readonly url: string; readonly ownerUrl?: string },
  settings: Partial<MarketplaceSettings> = {},
  prepareEngine: (engine: FakeEngine) => void = () => {},
  slugs: readonly string[] = [SLUG],
  clock?: () => Date,
): Promise<TestMarketplace> {
  const folder = await mkdtemp(join(tmpdir(), 'openmodels-market-'));
  const [dataDir, demoDir] = [join(folder, 'data'), join(folder, 'demo')];
  await mkdir(dataDir);
  for (const slug of slugs) await writeDemo(demoDir, slug);
  const engine = fakeEngine();
  prepareEngine(engine);
  const build = (
    db: Database = database.db,
    more: Partial<MarketplaceSettings> = {},
    itsEngine: Engine = engine,
    options: Pick<MarketplaceOptions, 'chain' | 'nodeKey'> = {},
  ) =>
    createMarketplace({
      db,
      databaseUrl: database.url,
      ownerUrl: database.ownerUrl,
      engine: itsEngine,
      dataDir,
      demoDir,
      log: quietLog,
      clock,
      ...options,
      settings: {
        databaseWaitMs: 2_000,
        reconcileEveryMs: 200,
        reviewsToAgree: 1,
        trainAfterAccepted: 3,
        ...settings,
        ...more,
      },
    });
  const market = await build();
  return {
    market,
    engine,
    dataDir,
    demoDir,
    again: build,
    async close() {
      await market.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Every demo datanet of the tests holds the same facts. */
async function writeDemo(demoDir: string, slug: string): Promise<void> {
  await mkdir(demoDir, { recursive: true });
  const lines = (rows: readonly object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
  const facts = FACTS.map(([contributor, question, answer], index) => ({
    id: `fact-${index}`,
    contributor,
    question,
    answer,
  }));
  const heldOut = facts.map((fact) => ({
    ...fact,
    question: fact.question.toUpperCase(),
    expected: fact.answer,
  }));
  const decoy = { id: 'decoy-1', question: 'What is the capital of Nowhere?', answer: 'Nothing.' };
  await writeFile(join(demoDir, `${slug}.jsonl`), lines(facts));
  await writeFile(join(demoDir, `${slug}.heldout.jsonl`), lines(heldOut));
  await writeFile(join(demoDir, `${slug}.decoys.jsonl`), lines([decoy]));
  await writeFakeAdapter(join(demoDir, `${slug}-adapter`), facts);
  const evaluation = { adapter: { correct: 9, total: 9 }, base: { correct: 0, total: 9 } };
  await writeFile(join(demoDir, `${slug}-adapter`, 'evaluation.json'), JSON.stringify(evaluation));
  await writeFile(join(demoDir, `${slug}-adapter`, 'audit.json'), JSON.stringify(shippedAudit(facts)));
}

/** A passed audit of the demo, so that its calls pay by attribution at once, as the real demos' do. */
const shippedAudit = (facts: Parameters<typeof versionRoot>[0]) => ({
  adapterSha256: null,
  datanetRoot: versionRoot(facts),
  report: fakeReport(),
});

let people = 0;

/** A new person who has just been given the starter grant. */
export async function newPerson(market: OwnedMarketplace): Promise<Person> {
  people += 1;
  return await market.person({ platform: 'test', userId: `user-${people}`, displayName: `User ${people}` });
}

export const placeOf = (person: Person) => ({ platform: 'test', conversationId: `place of ${person.id}` });

let events = 0;

export interface Asked {
  readonly outcome: CallDone | CallRefusal;
  readonly eventKey: string;
  readonly quotes: readonly Quote[];
  readonly shown: readonly string[];
  readonly positions: readonly number[];
}

/** Asks the demo model; everything may be overridden. */
export async function ask(
  market: OwnedMarketplace,
  person: Person,
  text: string,
  input: {
    readonly eventKey?: string;
    readonly signal?: AbortSignal;
    readonly modelSlug?: string;
    readonly seenThrough?: (view: CallView) => CallView;
  } = {},
): Promise<Asked> {
  events += 1;
  const eventKey = input.eventKey ?? `event-${events}`;
  const quotes: Quote[] = [];
  const shown: string[] = [];
  const positions: number[] = [];
  const view: CallView = {
    quoted: (quote) => void quotes.push(quote),
    queued: (position) => void positions.push(position),
    text: (soFar) => void shown.push(soFar),
  };
  const signal = input.signal ?? new AbortController().signal;
  const { seenThrough = (itself) => itself } = input;
  const outcome = await market.ask(
    { eventKey, person, conversationKey: placeOf(person), text, modelSlug: input.modelSlug ?? SLUG, signal },
    seenThrough(view),
  );
  return { outcome, eventKey, quotes, shown, positions };
}

/** The answer of a call that must have succeeded. */
export function done({ outcome }: Asked): CallDone {
  if (!outcome.ok)
    throw new Error(`refused: ${JSON.stringify(outcome, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`);
  return outcome;
}

/** Fails unless every invariant of the books holds. */
export async function expectBooksHold(db: Database): Promise<void> {
  const { invariants } = await books(db);
  expect(invariants.filter((invariant) => !invariant.ok)).toEqual([]);
}

export const STARTER = openNano('10');
