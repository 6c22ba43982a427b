// The evidence behind 🔍 on a whole marketplace: words of the answer that stand in contributions, its sentences one by one, and
// what happens to both when a contribution is taken back; the index is built when a version is published, or at the first look.
import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { decideContribution, listContributions } from '../../../db/repositories/contribution-repository.ts';
import type { AttributeRequest } from '../../../engine/engine.ts';
import { sentencesOf } from '../../../marketplace/attribution/sentences.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  newPerson,
  placeOf,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const FRANCE = 'What is the capital of France?';
const SPAIN = 'What is the capital of Spain?';
const database = testDatabase();
let world: TestMarketplace;
const attributed: AttributeRequest[] = [];

beforeAll(async () => {
  world = await testMarketplace(database, {}, (engine) => {
    const { attribute } = engine;
    Object.assign(engine, {
      attribute: (request: AttributeRequest) => {
        attributed.push(request);
        return attribute(request);
      },
    });
  });
});
afterAll(() => world.close());

async function answered(question: string, person?: Awaited<ReturnType<typeof newPerson>>) {
  const who = person ?? (await newPerson(world.market));
  const asked = done(await ask(world.market, who, question));
  await world.market.attributeNow(asked.callId);
  return { ...asked, place: placeOf(who) };
}

/** What 🔍 finds where the answer stands. */
const look = ({ callId, place }: { readonly callId: string; readonly place: ReturnType<typeof placeOf> }) =>
  world.market.provenance(callId, place);
const bySentence = ({ callId, place }: Parameters<typeof look>[0]) =>
  world.market.sentenceMakers(callId, place);

async function retract(question: string): Promise<void> {
  for (const contribution of await listContributions(database.db, { state: 'accepted' })) {
    if (contribution.question !== question) continue;
    const decision = { id: contribution.id, from: ['accepted'], to: 'retracted', cause: 'test' } as const;
    await transact(database.db, (tx) => decideContribution(tx, decision));
  }
}

describe('words of an answer', () => {
  it('are found in the contribution that was paid for it; the index is built at the first look and kept', async () => {
    const call = await answered(FRANCE);
    const provenance = await look(call);
    expect(provenance?.spans).toMatchObject([
      {
        text: 'The capital of France is Paris',
        start: 0,
        pseudonym: 'ada',
        question: FRANCE,
        contributions: 1,
      },
    ]);
    expect(provenance?.spans[0].contributionId).toBe(provenance?.top[0].contributionId);
    expect(provenance).toMatchObject({ sentences: 1, note: null, answer: 'The capital of France is Paris.' });
    await look(call);
    expect(world.engine.calls.buildSpanIndex).toBe(1);
    expect(readdirSync(join(world.dataDir, 'spans'))).toHaveLength(1);
  });

  it('that cannot be looked up are left out, and the rest is shown', async () => {
    const call = await answered(SPAIN);
    const { findSpans } = world.engine;
    Object.assign(world.engine, { findSpans: () => Promise.reject(new Error('no such file')) });
    expect(await look(call)).toMatchObject({ spans: [], state: 'attributed' });
    Object.assign(world.engine, { findSpans });
  });

  it('of what is taken back are hidden at once, in old answers too, and its words are shown to nobody', async () => {
    const before = await answered(SPAIN);
    expect((await look(before))?.spans).toHaveLength(1);
    await retract(SPAIN);
    const after = await look(before);
    // "The capital of" remains a manner of speaking, not evidence.
    expect(after?.spans).toEqual([]);
    expect(after?.top[0]).toMatchObject({ pseudonym: 'ada', takenBack: true, question: '', answer: '' });
    expect(JSON.stringify(after, (_, v) => (typeof v === 'bigint' ? `${v}` : v))).not.toContain(SPAIN);
    const call = await answered(SPAIN);
    const now = await look(call);
    expect(now?.spans).toEqual([]);
    expect(now?.top.map(({ takenBack }) => takenBack)).not.toContain(true);
    expect(await bySentence(call)).toMatchObject({
      sentences: [
        { makers: [{ pseudonym: 'ada', share: expect.closeTo(0.1) }], untraced: expect.closeTo(0.9) },
      ],
    });
  });
});

describe('sentences', () => {
  it('end where Unicode says, abbreviations and numbers belong to what follows, twelve at most', () => {
    const texts = (text: string) => sentencesOf(text).map(({ start, end }) => text.slice(start, end));
    expect(texts(' Lisbon is old.  It lies on the Tagus! Does it? ')).toEqual([
      'Lisbon is old.',
      'It lies on the Tagus!',
      'Does it?',
    ]);
    expect(texts('1. Boil the egg.\n2. Peel the egg.')).toEqual(['1. Boil the egg.', '2. Peel the egg.']);
    expect(texts('Paris.')).toEqual(['Paris.']);
    expect(texts('Rome is big. Yes.')).toEqual(['Rome is big. Yes.']);
    expect(texts('  \n ')).toEqual([]);
    const long = 'One two three. '.repeat(40).trim();
    expect(sentencesOf(long)).toHaveLength(12);
    expect(sentencesOf(long).at(-1)?.end).toBe(long.length);
  });

  it('are measured once for all who ask; without a store, or not attributed yet, it says so', async () => {
    const call = await answered(FRANCE);
    expect(await bySentence(call)).toMatchObject({
      ok: true,
      sentences: [{ text: 'The capital of France is Paris.', makers: [{ pseudonym: 'ada' }] }],
    });
    const { attributeParts } = world.engine;
    Object.assign(world.engine, { attributeParts: () => Promise.reject(new Error('measured again')) });
    expect(await bySentence(call)).toMatchObject({ ok: true });
    Object.assign(world.engine, { attributeParts });
    const person = await newPerson(world.market);
    const { callId } = done(await ask(world.market, person, FRANCE));
    const place = placeOf(person);
    expect(await bySentence({ callId, place })).toEqual({ ok: false, code: 'pending' });
    expect(await bySentence({ callId: 'call_none', place })).toEqual({ ok: false, code: 'not_found' });
  });
});

it('a copy whose first was taken back is paid in its place, in money, in the receipt and sentence by sentence', async () => {
  const contributions = await listContributions(database.db, {});
  const idOf = (question: string) => contributions.find((one) => one.question === question)?.id ?? '';
  const [first, copy] = [idOf(SPAIN), idOf('What is the capital of Norway?')];
  const shares = [{ exampleId: first, share: 0.6, score: 1, copyIds: [copy] }];
  const { attribute, attributeParts } = world.engine;
  Object.assign(world.engine, {
    attribute: async (request: AttributeRequest) => ({ ...(await attribute(request)), shares }),
    attributeParts: async (request: Parameters<typeof attributeParts>[0]) =>
      (await attributeParts(request)).map((part) => ({ ...part, shares })),
  });
  const call = await answered(FRANCE);
  const sentences = await bySentence(call);
  Object.assign(world.engine, { attribute, attributeParts });
  const top = (await look(call))?.top;
  expect(top).toMatchObject([{ contributionId: copy, pseudonym: 'ben', share: 0.6 }]);
  expect(sentences).toMatchObject({ sentences: [{ makers: [{ pseudonym: 'ben', share: 0.6 }] }] });
  const story = await world.market.callStory(call.callId);
  expect(story?.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(story?.receipt?.body).toMatchObject({
    attribution: { measurement: { top: [{ contribution: first, paidPpm: 0, why: 'retracted' }] } },
  });
});

it('words are shown only where the answer stands: its id, which the public receipt tells, shows a stranger none', async () => {
  const { callId } = await answered(FRANCE);
  const place = placeOf(await newPerson(world.market));
  const seen = await world.market.provenance(callId, place);
  expect(seen).toMatchObject({ state: 'attributed', answer: '', spans: [], sentences: 0 });
  // Who was paid is everybody's to see, as in the receipt.
  expect(seen?.top[0]).toMatchObject({ pseudonym: 'ada', question: '', answer: '', takenBack: false });
  expect(JSON.stringify(seen, (_, v) => (typeof v === 'bigint' ? `${v}` : v))).not.toMatch(/Paris|France/);
  expect(await bySentence({ callId, place })).toEqual({ ok: false, code: 'not_found' });
});

it('attribution sees the prompt that was served, though the version has come to take fewer earlier turns', async () => {
  const setHistory = (historyMessagesMax: number) =>
    database.db.updateTable('modelVersion').set({ recipe: { historyMessagesMax } }).execute();
  await setHistory(4);
  const person = await newPerson(world.market);
  await answered('What is the capital of Norway?', person);
  const { callId } = done(await ask(world.market, person, FRANCE));
  await setHistory(0);
  await world.market.attributeNow(callId);
  expect(attributed.at(-1)?.messages.map(({ content }) => content)).toEqual([
    'What is the capital of Norway?',
    'The capital of Norway is Oslo.',
    FRANCE,
  ]);
});

it('an index that is spoilt is no hindrance: the look shows no words and the answer is paid', async () => {
  const spans = join(world.dataDir, 'spans');
  const [name] = readdirSync(spans);
  await rm(join(spans, name), { recursive: true });
  await writeFile(join(spans, name), 'not a folder');
  const call = await answered(FRANCE);
  expect(await look(call)).toMatchObject({ spans: [], state: 'attributed' });
  await rm(join(spans, name));
  expect((await look(call))?.spans).toHaveLength(1);
  expect(existsSync(join(spans, name))).toBe(true);
});
