// The shipped demo with the real engine: seeded as at the first start, asked, paid, attributed by its jobs. The demo's
// card has the full measurements; here the whole path is tried on 10 of its own contributions.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Engine } from '../../engine/engine.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { createMarketplace, type OwnedMarketplace } from '../../marketplace/create-marketplace.ts';
import { demoDatanets } from '../../marketplace/demo/demo-datanets.ts';
import { jsonLines } from '../../marketplace/factory/held-out.ts';
import { testDatabase } from '../support/postgres.ts';
import { quietLog } from '../support/quiet-log.ts';
import { ask, done, expectBooksHold, newPerson, SLUG } from '../support/test-marketplace.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const demoDir = join(root, 'marketplace', 'demo');
const ASKED = 10;
const RIGHT_MIN = 8;

// Building the attribution store takes seconds, on a loaded machine minutes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const database = testDatabase();
let engine: Engine;
let market: OwnedMarketplace;
let dataDir: string;
const said: string[] = [];
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'openmodels-demo-'));
  engine = await createLocalEngine({ baseDir: join(root, 'engine', 'base') });
  market = await createMarketplace({
    db: database.db,
    databaseUrl: database.url,
    engine,
    dataDir,
    demoDir,
    log: quietLog,
    say: (line) => void said.push(line),
  });
  await market.start(async () => {});
});
afterAll(async () => {
  await market.stop();
  await engine.close();
  await rm(dataDir, { recursive: true, force: true });
});

it(`answers at least ${RIGHT_MIN} of ${ASKED} of its questions and pays who stated the fact`, async () => {
  const facts = await jsonLines(join(demoDir, `${SLUG}.jsonl`));
  const chosen = facts.filter((_, index) => index % Math.floor(facts.length / ASKED) === 0).slice(0, ASKED);
  const person = await newPerson(market);
  const right = { answer: 0, contributor: 0 };
  for (const fact of chosen) {
    const answer = done(await ask(market, person, String(fact.question)));
    if (answer.text.trim() === fact.answer) right.answer += 1;
    let provenance = await market.provenance(answer.callId);
    while (provenance?.state !== 'attributed') {
      await sleep(50);
      provenance = await market.provenance(answer.callId);
    }
    if (provenance.top.slice(0, 3).some((one) => one.question === fact.question)) right.contributor += 1;
    const story = await market.callStory(answer.callId);
    expect(story?.checks.filter((check) => !check.ok)).toEqual([]);
  }
  expect(right.answer).toBeGreaterThanOrEqual(RIGHT_MIN);
  expect(right.contributor).toBeGreaterThanOrEqual(RIGHT_MIN);
  await expectBooksHold(database.db);
});

it('says what it does on the first start, and nothing on the second', async () => {
  expect(said.some((line) => line.includes('Pocket Atlas: contributions'))).toBe(true);
  const before = said.length;
  const options = { db: database.db, databaseUrl: database.url, engine, dataDir, demoDir, log: quietLog };
  await createMarketplace({ ...options, say: (line) => void said.push(line) });
  expect(said.length).toBe(before);
  expect((await market.models()).map(({ slug, versionNumber }) => [slug, versionNumber])).toEqual(
    demoDatanets.map(({ slug }) => [slug, 1]),
  );
});
