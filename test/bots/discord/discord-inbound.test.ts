// Raw Discord gateway data as events: who, where, how it is to be acknowledged, who may see the answer.
import type { APIInteraction, GatewayMessageCreateDispatchData } from 'discord.js';
import { describe, expect, it } from 'vitest';
import { modalValues } from '../../../bots/discord/discord-forms.ts';
import { messageOf } from '../../../bots/discord/discord-ids.ts';
import { readInteraction, readMessage } from '../../../bots/discord/discord-inbound.ts';

const definitions = [
  {
    name: 'ask',
    description: '',
    options: [{ name: 'question', description: '', required: true, rest: true }],
  },
  { name: 'balance', description: '', options: [], onlyForYou: true },
  { name: 'contribute', description: '', options: [], onlyForYou: true, opensForm: true },
];
const user = { id: '7', username: 'ada', global_name: 'Ada', discriminator: '0', avatar: null };
const base = { id: '900', token: 'tok', application_id: '1', version: 1, locale: 'en', entitlements: [] };
const inServer = {
  ...base,
  guild_id: '5',
  context: 0,
  channel: { id: '50', type: 0 },
  member: { user, nick: 'Countess' },
  authorizing_integration_owners: { 0: '5' },
};
const inDm = {
  ...base,
  context: 1,
  channel: { id: '70', type: 1 },
  user,
  authorizing_integration_owners: { 0: '0' },
};
const command = (name: string, where: object) => ({
  ...where,
  type: 2,
  data: { id: '1', name, type: 1, options: [{ name: 'question', type: 3, value: 'why?' }] },
});
const press = (action: string, flags: number, where: object) => ({
  ...where,
  type: 3,
  message: { id: '88', flags },
  data: { custom_id: action, component_type: 2 },
});

const read = (raw: object) => readInteraction(raw as unknown as APIInteraction, definitions, 1000);

describe('interactions', () => {
  it('a command in a server: own conversation per person, answer for all unless it is only for them', () => {
    expect(read(command('ask', inServer))).toMatchObject({
      inbound: {
        kind: 'command',
        name: 'ask',
        args: { question: 'why?' },
        eventId: 'discord:i:900',
        source: { conversationId: '50:7', displayName: 'Countess', isPrivate: false },
      },
      facts: { acknowledgement: 'reply', ephemeral: false, botInPlace: true, expiresAt: 871_000 },
    });
    expect(read(command('balance', inServer))?.facts).toMatchObject({
      acknowledgement: 'reply',
      ephemeral: true,
    });
    expect(read(command('balance', inDm))?.facts).toMatchObject({ ephemeral: false, isPrivate: true });
    expect(read(command('contribute', inServer))?.facts).toMatchObject({
      acknowledgement: 'form',
      isPress: false,
    });
    expect(read(command('gone', inServer))?.facts).toMatchObject({
      acknowledgement: 'reply',
      ephemeral: true,
    });
  });

  it('a press: an update of its message, or a form first; what only they see goes by the token', () => {
    const open = read(press('1upc1', 0, inServer));
    expect(open?.facts).toMatchObject({ acknowledgement: 'update', isPress: true });
    expect(open?.inbound.kind === 'press' && messageOf(open.inbound.message)).toEqual({
      channelId: '50',
      messageId: '88',
      ephemeral: false,
      route: null,
    });
    expect(read(press('1cfatlas', 0, inDm))?.facts.acknowledgement).toBe('form');
    const hidden = read(press('1rac1', 64, inServer));
    expect(hidden?.inbound.kind === 'press' && messageOf(hidden.inbound.message)).toMatchObject({
      ephemeral: true,
      route: { token: 'tok', original: true },
    });
  });

  it('where the bot is not a member it can answer by the token alone', () => {
    const elsewhere = { ...inServer, authorizing_integration_owners: { 1: '7' } };
    const event = read(press('1upc1', 0, elsewhere));
    expect(event?.facts.botInPlace).toBe(false);
    expect(event?.inbound.kind === 'press' && messageOf(event.inbound.message).route).toMatchObject({
      token: 'tok',
    });
  });

  it('forms in both layouts, and nothing for autocomplete or context menus', () => {
    const labels = [{ type: 18, id: 1, component: { type: 4, id: 2, custom_id: 'question', value: 'Q?' } }];
    const rows = [{ type: 1, id: 1, components: [{ type: 4, id: 2, custom_id: 'answer', value: 'A.' }] }];
    expect(modalValues([...labels, ...rows] as never)).toEqual({ question: 'Q?', answer: 'A.' });
    const submitted = { ...inServer, type: 5, data: { custom_id: '1csatlas', components: labels } };
    expect(read(submitted)).toMatchObject({
      inbound: { kind: 'form', action: '1csatlas', values: { question: 'Q?' } },
      facts: { acknowledgement: 'reply', ephemeral: true },
    });
    expect(read({ ...command('ask', inServer), type: 4 })).toBeNull();
    expect(read({ ...inServer, type: 2, data: { id: '1', name: 'Rate', type: 3 } })).toBeNull();
  });
});

describe('messages', () => {
  const say = (fields: object) =>
    readMessage(
      {
        id: '33',
        channel_id: '50',
        author: user,
        content: 'hi',
        mentions: [],
        guild_id: '5',
        ...fields,
      } as unknown as GatewayMessageCreateDispatchData,
      '99',
      definitions,
    );

  it('takes mentions in servers without their mark, everything in direct messages, and no other talk', () => {
    expect(say({ content: '<@99> what is <@!99> x?', mentions: [{ id: '99' }] })).toMatchObject({
      inbound: {
        kind: 'text',
        text: 'what is   x?',
        eventId: 'discord:m:33',
        source: { conversationId: '50:7' },
      },
      replyTo: '33',
    });
    expect(say({ guild_id: undefined, content: 'plain' })).toMatchObject({
      inbound: { text: 'plain', source: { conversationId: '50', isPrivate: true } },
      replyTo: null,
    });
    expect(say({ guild_id: undefined, content: '/ask why?' })?.inbound).toMatchObject({
      kind: 'command',
      name: 'ask',
      args: { question: 'why?' },
    });
    expect(say({ content: 'talk' })).toBeNull();
    expect(say({ content: '@everyone', mention_everyone: true })).toBeNull();
    expect(say({ author: { ...user, bot: true }, mentions: [{ id: '99' }] })).toBeNull();
  });
});
