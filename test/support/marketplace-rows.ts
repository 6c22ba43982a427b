/**
 * Rows for repository tests: people, a datanet with contributions, a model with a published version.
 */
import { type Database, type Tx, transact } from '../../db/database.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { newId } from '../../db/new-id.ts';
import { decideContribution, submitContribution } from '../../db/repositories/contribution-repository.ts';
import { createDatanet } from '../../db/repositories/datanet-repository.ts';
import { createDatanetVersion } from '../../db/repositories/datanet-version-repository.ts';
import { createModel } from '../../db/repositories/model-repository.ts';
import { createModelVersion, publishModelVersion } from '../../db/repositories/model-version-repository.ts';
import { createPerson } from '../../db/repositories/person-repository.ts';
import type { Contribution, Datanet, DatanetVersion, Model, ModelVersion, Person } from '../../db/schema.ts';

export async function newPerson(db: Database): Promise<Person> {
  const name = newId('name');
  const identity = { platform: 'telegram', platformUserId: name, displayName: 'Ada' };
  const result = await transact(db, (tx) => createPerson(tx, { pseudonym: name, identity }));
  if (!result.ok) throw new Error(result.code);
  return result.person;
}

export async function newDatanet(db: Database, ownerId: string): Promise<Datanet> {
  const datanet = { slug: newId('slug'), title: 'Capitals', description: 'd', licence: 'CC0-1.0', ownerId };
  const result = await transact(db, (tx) => createDatanet(tx, datanet));
  if (!result.ok) throw new Error(result.code);
  return result.datanet;
}

export async function newContribution(
  db: Database,
  datanetId: string,
  personId: string,
): Promise<Contribution> {
  const contentHash = newId('hash');
  const contribution = { datanetId, personId, question: 'Capital of France?', answer: 'Paris', contentHash };
  const result = await transact(db, (tx) => submitContribution(tx, contribution));
  if (!result.ok) throw new Error(result.code);
  return result.contribution;
}

export async function acceptedContribution(
  db: Database,
  datanetId: string,
  personId: string,
): Promise<Contribution> {
  const contribution = await newContribution(db, datanetId, personId);
  const decision = { id: contribution.id, from: ['submitted'], to: 'accepted', cause: 'test' } as const;
  await transact(db, (tx) => decideContribution(tx, decision));
  return contribution;
}

export interface World {
  readonly creator: Person;
  readonly datanet: Datanet;
  readonly contributions: readonly Contribution[];
  readonly datanetVersion: DatanetVersion;
  readonly model: Model;
  readonly version: ModelVersion;
}

/** A creator, a datanet with 2 accepted contributions in version 1, and a model whose version 1 is published. */
export async function newWorld(db: Database): Promise<World> {
  const creator = await newPerson(db);
  const datanet = await newDatanet(db, creator.id);
  const contributions = [
    await acceptedContribution(db, datanet.id, creator.id),
    await acceptedContribution(db, datanet.id, creator.id),
  ];
  const contributionIds = contributions.map(({ id }) => id);
  return transact(db, async (tx) => {
    const version = { datanetId: datanet.id, merkleRoot: 'root', contributionIds };
    const datanetVersion = await createDatanetVersion(tx, version);
    const model = await newModel(tx, datanet.id, creator.id);
    const candidate = await newCandidate(tx, model.id, datanetVersion.id);
    await publishModelVersion(tx, { id: candidate.id, cause: 'test' });
    return { creator, datanet, contributions, datanetVersion, model, version: candidate };
  });
}

export async function newModel(tx: Tx, datanetId: string, creatorId: string): Promise<Model> {
  const result = await createModel(tx, {
    slug: newId('slug'),
    title: 'Capitals',
    description: 'd',
    datanetId,
    creatorId,
    priceCallNano: openNano('0.01'),
    pricePromptKtokenNano: openNano('0'),
    priceAnswerKtokenNano: openNano('0.1'),
    dataBps: 5000,
    creatorBps: 2500,
    nodeBps: 1500,
    platformBps: 1000,
  });
  if (!result.ok) throw new Error(result.code);
  return result.model;
}

export function newCandidate(tx: Tx, modelId: string, datanetVersionId: string): Promise<ModelVersion> {
  return createModelVersion(tx, { modelId, datanetVersionId, adapterDir: 'adapters/x', recipe: { rank: 8 } });
}
