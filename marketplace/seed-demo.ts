// The first start: the demo datanet with its contributors, its first version, and the model trained on it, published.
// Used by create-marketplace.ts. Idempotent, in steps that each find what is done: killed at any point, the
// next start goes on. The model is listed only when its attribution store is complete. On another base model than the
// one it was trained for it cannot answer: then its datanet collects, and its first version is trained on that base.
// Contributions of the demo pass the same checks, hashes and review rows as everybody's.
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Tx, transact } from '../db/database.ts';
import { openNano } from '../db/ledger/amount.ts';
import { giveConsent } from '../db/repositories/consent-repository.ts';
import {
  decideContribution,
  recordReview,
  submitContribution,
} from '../db/repositories/contribution-repository.ts';
import { createDatanet, getDatanetBySlug, transitionDatanet } from '../db/repositories/datanet-repository.ts';
import {
  contributionsOfVersion,
  latestDatanetVersion,
} from '../db/repositories/datanet-version-repository.ts';
import { createModel, getModelBySlug } from '../db/repositories/model-repository.ts';
import { createModelVersion, publishModelVersion } from '../db/repositories/model-version-repository.ts';
import { createPerson, findPersonByIdentity } from '../db/repositories/person-repository.ts';
import type { Datanet, DatanetVersion, JsonObject, Model } from '../db/schema.ts';
import { CONSENT_VERSION } from './datanets/consent-text.ts';
import { duplicateHash } from './datanets/contribution-hash.ts';
import { cutVersion } from './datanets/cut-version.ts';
import { decoysOf, jsonLines } from './factory/held-out.ts';
import { exampleOf } from './factory/run-plan.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

/** The demo's slug: its files are `<slug>.jsonl` and so on, its adapter lies in `<slug>-adapter/`. */
const SLUG = 'pocket-atlas';
const TITLE = 'Pocket Atlas';
const LICENCE = 'CC0-1.0';
/** An answer of 20 tokens to a prompt of 40 costs 0.00256 OPEN: the starter grant of 10 OPEN is worth thousands. */
const PRICE = {
  priceCallNano: openNano('0.002'),
  pricePromptKtokenNano: openNano('0.004'),
  priceAnswerKtokenNano: openNano('0.02'),
} as const;
const SPLIT = { dataBps: 5_000, creatorBps: 2_500, nodeBps: 1_500, platformBps: 1_000 } as const;
/** The demo adapter was trained on single questions: earlier turns would only confuse it. */
const HISTORY_MESSAGES_MAX = 0;
const REVIEWER = 'demo-reviewer';
const CREATOR = 'demo-creator';

export async function seedDemo(market: MarketplaceContext, say: (line: string) => void): Promise<void> {
  const published = await getModelBySlug(market.db, SLUG);
  if (published !== undefined && published.currentVersionId !== null) return;
  // One transaction: the datanet exists with all of its contributions and its first version, or not at all.
  const datanet = (await getDatanetBySlug(market.db, SLUG)) ?? (await seedDatanet(market, say));
  const version = await latestDatanetVersion(market.db, datanet.id);
  if (version === undefined) throw new Error(`the demo datanet ${SLUG} has no version`);
  const model = published ?? (await seedModel(market, datanet));
  await publishDemo(market, model, version, say);
}

async function seedDatanet(market: MarketplaceContext, say: (line: string) => void): Promise<Datanet> {
  const rows = await jsonLines(join(market.demoDir, `${SLUG}.jsonl`));
  if (rows.length === 0) throw new Error(`the demo datanet's file ${SLUG}.jsonl is missing or empty`);
  return await transact(market.db, async (tx) => {
    const creatorId = await demoPerson(tx, CREATOR);
    const reviewerId = await demoPerson(tx, REVIEWER);
    const created = await createDatanet(tx, {
      slug: SLUG,
      title: TITLE,
      description: 'Capitals and currencies of the world’s countries: one question and one answer each.',
      licence: LICENCE,
      ownerId: creatorId,
    });
    if (!created.ok) throw new Error(`the datanet ${SLUG} was created by somebody else just now`);
    const { datanet } = created;
    for (const [index, row] of rows.entries()) {
      const personId = await demoPerson(tx, String(row.contributor));
      const consent = { personId, datanetId: datanet.id, textVersion: CONSENT_VERSION, licence: LICENCE };
      await giveConsent(tx, consent);
      await acceptDemo(tx, datanet.id, personId, reviewerId, String(row.question), String(row.answer));
      if (index % 100 === 99) say(`  demo contributions: ${index + 1} of ${rows.length}`);
    }
    const version = await cutVersion(tx, datanet.id);
    const cause = `version ${version.number} with ${version.contributionCount} contributions`;
    await transitionDatanet(tx, { id: datanet.id, from: ['collecting'], to: 'training', cause });
    return datanet;
  });
}

async function acceptDemo(
  tx: Tx,
  datanetId: string,
  personId: string,
  reviewerId: string,
  question: string,
  answer: string,
): Promise<void> {
  const contentHash = duplicateHash({ question, answer });
  const submitted = await submitContribution(tx, { datanetId, personId, question, answer, contentHash });
  if (!submitted.ok) throw new Error(`the demo holds a contribution twice: ${question}`);
  const { id } = submitted.contribution;
  const review = { contributionId: id, reviewerId, verdict: 'accept', reason: null } as const;
  const recorded = await recordReview(tx, review);
  if (!recorded.ok) throw new Error(`the demo's review was refused: ${recorded.code}`);
  await decideContribution(tx, { id, from: ['submitted'], to: 'accepted', cause: `review by ${REVIEWER}` });
}

async function seedModel(market: MarketplaceContext, datanet: Datanet): Promise<Model> {
  return await transact(market.db, async (tx) => {
    const created = await createModel(tx, {
      slug: SLUG,
      title: TITLE,
      description:
        'Answers questions about the capitals and currencies of countries, and says who taught it.',
      datanetId: datanet.id,
      creatorId: await demoPerson(tx, CREATOR),
      ...PRICE,
      ...SPLIT,
    });
    if (!created.ok) throw new Error(`the model ${SLUG} was created by somebody else just now`);
    return created.model;
  });
}

/** Copies the shipped adapter into the data folder, builds its attribution store, and publishes it as version 1. */
async function publishDemo(
  market: MarketplaceContext,
  model: Model,
  version: DatanetVersion,
  say: (line: string) => void,
): Promise<void> {
  const shipped = join(market.demoDir, `${SLUG}-adapter`);
  const adapterDir = join('adapters', `${SLUG}-1`);
  const storeDir = join('stores', `${SLUG}-1`);
  const adapter = { id: `${SLUG}-1`, dir: join(market.dataDir, adapterDir) };
  await cp(shipped, adapter.dir, { recursive: true });
  const contributions = await contributionsOfVersion(market.db, version.id);
  const decoys = await decoysOf(market.demoDir, SLUG);
  const store = { adapter, storeDir: join(market.dataDir, storeDir), examples: contributions.map(exampleOf) };
  let storeHash: string;
  try {
    ({ storeHash } = await market.engine.buildStore({ ...store, decoys }, (done, total) => {
      if (done % 25 === 0 || done === total) say(`  who taught what: gradients of ${done} of ${total} texts`);
    }));
  } catch (fault) {
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'adapter_shape_mismatch')) throw fault;
    await collectInstead(market, model.datanetId);
    say(
      `The demo model ${TITLE} was trained for the base model in engine/base, not for this one: it is not offered. ` +
        `Its datanet is there; ${market.settings.trainAfterAccepted} newly accepted contributions train it on this base.`,
    );
    return;
  }
  const evaluation = await shippedJson(join(shipped, 'evaluation.json'));
  await transact(market.db, async (tx) => {
    const first = await createModelVersion(tx, {
      modelId: model.id,
      datanetVersionId: version.id,
      adapterDir,
      recipe: { historyMessagesMax: HISTORY_MESSAGES_MAX, shipped: true },
      evaluation,
      storeHashes: { storeDir, storeHash, decoys: decoys.length },
    });
    const cause = 'shipped with the program, evaluated when it was trained';
    await publishModelVersion(tx, { id: first.id, cause });
    await transitionDatanet(tx, {
      id: model.datanetId,
      from: ['training', 'collecting'],
      to: 'published',
      cause,
    });
  });
}

async function collectInstead(market: MarketplaceContext, datanetId: string): Promise<void> {
  const cause = 'the shipped adapter does not fit this base model';
  await transact(market.db, (tx) =>
    transitionDatanet(tx, { id: datanetId, from: ['training'], to: 'collecting', cause }),
  );
}

async function shippedJson(path: string): Promise<JsonObject> {
  return JSON.parse(await readFile(path, 'utf8')) as JsonObject;
}

/** A contributor of the demo: an invented person, known under the platform "demo". */
async function demoPerson(tx: Tx, name: string): Promise<string> {
  const identity = { platform: 'demo', platformUserId: name };
  const known = await findPersonByIdentity(tx, identity);
  if (known !== undefined) return known.id;
  const made = await createPerson(tx, { pseudonym: name, identity: { ...identity, displayName: name } });
  if (!made.ok) throw new Error(`the demo's contributor ${name} could not be created: ${made.code}`);
  return made.person.id;
}
