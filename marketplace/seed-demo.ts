// The first start: the demo datanets with their contributors, their first versions, and the models trained on them, published.
// Used by create-marketplace.ts. Idempotent, in steps that each find what is done: killed at any point, the
// next start goes on. The first model is listed only when its attribution store is complete; the stores of the others are
// built when somebody looks at them (listings/ready-store.ts), so that the first start stays quick. On another base
// model than the one they were trained for they cannot answer: then their datanets collect, and their first versions are
// trained on that base. Contributions of the demo pass the same checks, hashes and review rows as everybody's.
import { existsSync } from 'node:fs';
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
import type { AdapterRef } from '../engine/engine.ts';
import { CONSENT_VERSION } from './datanets/consent-text.ts';
import { duplicateHash } from './datanets/contribution-hash.ts';
import { cutVersion } from './datanets/cut-version.ts';
import { DEMO_LICENCE, type DemoDatanet, demoDatanets } from './demo/demo-datanets.ts';
import { decoysOf, jsonLines } from './factory/held-out.ts';
import { exampleOf } from './factory/run-plan.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

/** An answer of 20 tokens to a prompt of 40 costs 0.00256 OPEN: the starter grant of 10 OPEN is worth thousands. */
const PRICE = {
  priceCallNano: openNano('0.002'),
  pricePromptKtokenNano: openNano('0.004'),
  priceAnswerKtokenNano: openNano('0.02'),
} as const;
const SPLIT = { dataBps: 5_000, creatorBps: 2_500, nodeBps: 1_500, platformBps: 1_000 } as const;
/** The demo adapters were trained on single questions: earlier turns would only confuse it. */
const HISTORY_MESSAGES_MAX = 0;
const REVIEWER = 'demo-reviewer';
const CREATOR = 'demo-creator';

/** One line of progress for people. */
type Say = (line: string) => void;

/** Seeds what the demo folder holds; the first demo datanet must be there. */
export async function seedDemo(market: MarketplaceContext, say: Say): Promise<void> {
  const [first, ...others] = demoDatanets;
  const fits = await seedOne(market, first, 'with its store', say);
  const shipped = others.filter(({ slug }) => existsSync(join(market.demoDir, `${slug}-adapter`)));
  // All were trained on one base: where the first does not fit, none does.
  for (const demo of shipped) await seedOne(market, demo, fits ? 'store later' : 'not for this base', say);
}

/** @returns whether its model answers on this base */
async function seedOne(
  market: MarketplaceContext,
  demo: DemoDatanet,
  how: 'with its store' | 'store later' | 'not for this base',
  say: Say,
): Promise<boolean> {
  const published = await getModelBySlug(market.db, demo.slug);
  if (published !== undefined && published.currentVersionId !== null) return true;
  // One transaction: the datanet exists with all of its contributions and its first version, or not at all.
  const datanet = (await getDatanetBySlug(market.db, demo.slug)) ?? (await seedDatanet(market, demo, say));
  const version = await latestDatanetVersion(market.db, datanet.id);
  if (version === undefined) throw new Error(`the demo datanet ${demo.slug} has no version`);
  const model = published ?? (await seedModel(market, demo, datanet));
  const adapter = await installAdapter(market, demo);
  const fits =
    how === 'store later' ||
    (how === 'with its store' && (await buildStore(market, demo, version, adapter, say)));
  if (fits) await publishDemo(market, demo, model, version);
  else {
    await collectInstead(market, datanet.id);
    say(
      `The demo model ${demo.title} was trained for the base model in engine/base, not for this one: it is not offered. ` +
        `Its datanet is there; ${market.settings.trainAfterAccepted} newly accepted contributions train it on this base.`,
    );
  }
  return fits;
}

const contributionRows = (market: MarketplaceContext, { slug }: DemoDatanet) =>
  jsonLines(join(market.demoDir, `${slug}.jsonl`));

async function seedDatanet(market: MarketplaceContext, demo: DemoDatanet, say: Say): Promise<Datanet> {
  const { slug, title, description } = demo;
  const rows = await contributionRows(market, demo);
  if (rows.length === 0) throw new Error(`the demo datanet's file ${slug}.jsonl is missing or empty`);
  return await transact(market.db, async (tx) => {
    const creatorId = await demoPerson(tx, CREATOR);
    const reviewerId = await demoPerson(tx, REVIEWER);
    const created = await createDatanet(tx, {
      ...{ slug, title, description },
      licence: DEMO_LICENCE,
      ownerId: creatorId,
    });
    if (!created.ok) throw new Error(`the datanet ${slug} was created by somebody else just now`);
    const { datanet } = created;
    for (const [index, row] of rows.entries()) {
      const personId = await demoPerson(tx, String(row.contributor));
      const consent = {
        personId,
        datanetId: datanet.id,
        textVersion: CONSENT_VERSION,
        licence: DEMO_LICENCE,
      };
      await giveConsent(tx, consent);
      await acceptDemo(tx, datanet.id, personId, reviewerId, String(row.question), String(row.answer));
      if (index % 100 === 99) say(`  ${title}: contributions ${index + 1} of ${rows.length}`);
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

async function seedModel(
  market: MarketplaceContext,
  { slug, title, modelDescription: description }: DemoDatanet,
  datanet: Datanet,
): Promise<Model> {
  return await transact(market.db, async (tx) => {
    const created = await createModel(tx, {
      ...{ slug, title, description },
      datanetId: datanet.id,
      creatorId: await demoPerson(tx, CREATOR),
      ...PRICE,
      ...SPLIT,
    });
    if (!created.ok) throw new Error(`the model ${slug} was created by somebody else just now`);
    return created.model;
  });
}

/** Copies the shipped adapter into the data folder. */
async function installAdapter(
  { demoDir, dataDir }: MarketplaceContext,
  { slug }: DemoDatanet,
): Promise<AdapterRef> {
  const dir = join(dataDir, adapterDirOf(slug));
  await cp(join(demoDir, `${slug}-adapter`), dir, { recursive: true });
  return { id: `${slug}-1`, dir };
}

const adapterDirOf = (slug: string): string => join('adapters', `${slug}-1`);
const storeDirOf = (slug: string): string => join('stores', `${slug}-1`);

/** @returns false where the adapter was trained for another base */
async function buildStore(
  { db, engine, dataDir, demoDir }: MarketplaceContext,
  { slug }: DemoDatanet,
  version: DatanetVersion,
  adapter: AdapterRef,
  say: Say,
): Promise<boolean> {
  const examples = (await contributionsOfVersion(db, version.id)).map(exampleOf);
  const decoys = await decoysOf(demoDir, slug);
  const storeDir = join(dataDir, storeDirOf(slug));
  try {
    await engine.buildStore({ adapter, storeDir, examples, decoys }, (done, total) => {
      if (done % 25 === 0 || done === total) say(`  who taught what: gradients of ${done} of ${total} texts`);
    });
    return true;
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'adapter_shape_mismatch') return false;
    throw fault;
  }
}

/** Publishes the installed adapter as version 1. */
async function publishDemo(
  market: MarketplaceContext,
  { slug }: DemoDatanet,
  model: Model,
  version: DatanetVersion,
): Promise<void> {
  const evaluation = await shippedJson(join(market.demoDir, `${slug}-adapter`, 'evaluation.json'));
  const decoys = await decoysOf(market.demoDir, slug);
  await transact(market.db, async (tx) => {
    const first = await createModelVersion(tx, {
      modelId: model.id,
      datanetVersionId: version.id,
      adapterDir: adapterDirOf(slug),
      recipe: { historyMessagesMax: HISTORY_MESSAGES_MAX, shipped: true },
      evaluation,
      storeHashes: { storeDir: storeDirOf(slug), decoys: decoys.length },
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
