/** People, identities, consent, conversations and messages. */
import { expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { newId } from '../../../db/new-id.ts';
import { findConsent, giveConsent } from '../../../db/repositories/consent-repository.ts';
import {
  appendMessage,
  closeConversation,
  getConversation,
  openConversation,
  recentMessages,
} from '../../../db/repositories/conversation-repository.ts';
import {
  createPerson,
  findPersonByIdentity,
  identitiesOf,
  linkIdentity,
} from '../../../db/repositories/person-repository.ts';
import { newDatanet, newPerson } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

test('20 first messages of one person at once make one person', async () => {
  const identity = { platform: 'discord', platformUserId: '42', displayName: 'Ada' };
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      transact(database.db, (tx) => createPerson(tx, { pseudonym: `otter-${index}`, identity })),
    ),
  );
  expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  for (const result of results.filter(({ ok }) => !ok))
    expect(result).toMatchObject({ code: 'identity_known' });
  const person = await findPersonByIdentity(database.db, identity);
  expect(await database.db.selectFrom('person').select('id').execute()).toEqual([{ id: person?.id }]);
});

test('a taken pseudonym is refused and another one can be tried in the same transaction', async () => {
  const first = await newPerson(database.db);
  const identity = { platform: 'discord', platformUserId: newId('user'), displayName: 'Bob' };
  await transact(database.db, async (tx) => {
    expect(await createPerson(tx, { pseudonym: first.pseudonym, identity })).toEqual({
      ok: false,
      code: 'pseudonym_taken',
    });
    expect((await createPerson(tx, { pseudonym: newId('name'), identity })).ok).toBe(true);
  });
});

test('one identity belongs to one person; one person may have several', async () => {
  const [ada, bob] = [await newPerson(database.db), await newPerson(database.db)];
  const identity = { platform: 'discord', platformUserId: newId('user'), displayName: 'Ada' };
  const link = (personId: string) =>
    transact(database.db, (tx) => linkIdentity(tx, { ...identity, personId }));
  expect(await link(ada.id)).toBe(true);
  expect(await link(bob.id)).toBe(false);
  expect((await identitiesOf(database.db, ada.id)).map(({ platform }) => platform)).toEqual([
    'telegram',
    'discord',
  ]);
});

test('consent is kept per text version and said once', async () => {
  const person = await newPerson(database.db);
  const datanet = await newDatanet(database.db, person.id);
  const consent = { personId: person.id, datanetId: datanet.id, textVersion: 'v1', licence: 'CC0-1.0' };
  for (let i = 0; i < 2; i++) await transact(database.db, (tx) => giveConsent(tx, consent));
  expect(await findConsent(database.db, consent)).toMatchObject({ licence: 'CC0-1.0' });
  expect(await findConsent(database.db, { ...consent, textVersion: 'v2' })).toBeUndefined();
});

test('a person has one open conversation per place, and a closed one is not continued', async () => {
  const person = await newPerson(database.db);
  const place = { platform: 'telegram', platformConversationId: '7', personId: person.id };
  const open = () => transact(database.db, (tx) => openConversation(tx, place));
  const [first, again] = await Promise.all([open(), open()]);
  expect(again.id).toBe(first.id);
  await transact(database.db, (tx) => closeConversation(tx, first.id));
  expect((await open()).id).not.toBe(first.id);
});

test('20 messages appended at once are numbered 1 to 20, and the newest come back oldest first', async () => {
  const person = await newPerson(database.db);
  const place = { platform: 'telegram', platformConversationId: '8', personId: person.id };
  const { id } = await transact(database.db, (tx) => openConversation(tx, place));
  const texts = Array.from({ length: 20 }, (_, index) => `message ${index} \u202e @everyone \u{1f600}`);
  const appended = await Promise.all(
    texts.map((content) =>
      transact(database.db, (tx) => appendMessage(tx, { conversationId: id, role: 'user', content })),
    ),
  );
  expect(appended.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(texts.map((_, index) => index + 1));
  expect((await recentMessages(database.db, id, 3)).map(({ seq }) => seq)).toEqual([18, 19, 20]);
  expect((await getConversation(database.db, id))?.messageCount).toBe(20);
});
