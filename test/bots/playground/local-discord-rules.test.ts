// The local Discord's checks against schemas made from Discord's own API description: where those refuse, we refuse;
// where they accept, we accept, but for the stricter rules named here.
import { describe, expect, it } from 'vitest';
import { checkCommands } from '../../../bots/playground/local-discord/command-checks.ts';
import { DiscordFault } from '../../../bots/playground/local-discord/discord-faults.ts';
import { COMPONENTS_V2 } from '../../../bots/playground/local-discord/local-discord-limits.ts';
import { checkMessageBody, pingsOf } from '../../../bots/playground/local-discord/message-checks.ts';
import {
  checkModal,
  modalRefusals,
  modalSubmission,
} from '../../../bots/playground/local-discord/modal-checks.ts';
import { schemaComplaint } from '../../support/discord-schema-oracle.ts';

const row = (...components: object[]) => ({ type: 1, components });
const button = (extra: object = {}) => ({ type: 2, style: 1, label: 'x', custom_id: 'id', ...extra });
const text = (content: string) => ({ type: 10, content });
const v2 = (...components: object[]) => ({ flags: COMPONENTS_V2, components });
const buttons = (count: number) =>
  Array.from({ length: count }, (_, index) => button({ custom_id: `b${index}` }));

/** The refusal's paths, or the code of a plain one; undefined when accepted. */
function refusal(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof DiscordFault)) throw error;
    return error.body.errors === undefined
      ? String(error.body.code)
      : paths(error.body.errors as object).join(' ');
  }
}
function paths(node: object, prefix = ''): string[] {
  return Object.entries(node).flatMap(([key, value]) =>
    key === '_errors' ? [prefix] : paths(value as object, prefix === '' ? key : `${prefix}.${key}`),
  );
}
const message = (body: object) => refusal(() => checkMessageBody(body as never, undefined, COMPONENTS_V2, 0));

describe('a message body', () => {
  it.each([
    ['text', { content: 'hello' }],
    [
      '5 rows of 5 buttons',
      {
        content: 'x',
        components: [0, 1, 2, 3, 4].map((n) =>
          row(...[0, 1, 2, 3, 4].map((m) => button({ custom_id: `${n}${m}` }))),
        ),
      },
    ],
    [
      'a link button and an emoji button',
      {
        content: 'x',
        components: [
          row(
            { type: 2, style: 5, label: 'x', url: 'https://x.org' },
            button({ label: undefined, emoji: { name: '👍' } }),
          ),
        ],
      },
    ],
    [
      'an embed',
      { embeds: [{ title: 'T', description: 'D', fields: [{ name: 'n', value: 'v' }], color: 255 }] },
    ],
    [
      'a select',
      { content: 'x', components: [row({ type: 3, custom_id: 's', options: [{ label: 'a', value: 'a' }] })] },
    ],
    [
      'a container with a section',
      v2({
        type: 17,
        components: [text('a'), { type: 14 }, { type: 9, components: [text('b')], accessory: button() }],
      }),
    ],
  ])('is accepted by both: %s', (_name, body) => {
    expect(message(body)).toBeUndefined();
    expect(schemaComplaint('MessageCreateRequestSchema', body)).toBeUndefined();
  });

  it.each([
    [
      '101 characters of custom_id',
      { content: 'x', components: [row(button({ custom_id: 'x'.repeat(101) }))] },
      'components.0.components.0.custom_id',
    ],
    [
      '81 characters of label',
      { content: 'x', components: [row(button({ label: 'x'.repeat(81) }))] },
      'components.0.components.0.label',
    ],
    ['6 buttons in a row', { content: 'x', components: [row(...buttons(6))] }, 'components.0.components'],
    ['an empty row', { content: 'x', components: [row()] }, 'components.0.components'],
    ['a description of 4097', { embeds: [{ description: 'x'.repeat(4097) }] }, 'embeds.0.description'],
    ['11 embeds', { embeds: Array.from({ length: 11 }, () => ({ title: 'x' })) }, 'embeds'],
    [
      '26 options',
      {
        content: 'x',
        components: [
          row({
            type: 3,
            custom_id: 's',
            options: Array.from({ length: 26 }, (_, n) => ({ label: `${n}`, value: `${n}` })),
          }),
        ],
      },
      'components.0.components.0.options',
    ],
    ['a text display of 4001', v2(text('x'.repeat(4001))), 'components components.0.content'],
  ])('is refused by both: %s', (_name, body, at) => {
    expect(message(body)?.split(' ').sort()).toEqual(at.split(' ').sort());
    expect(schemaComplaint('MessageCreateRequestSchema', body)).toBeDefined();
  });

  it.each([
    [
      '2,001 characters (the description allows 4,000, for people with Nitro)',
      { content: 'x'.repeat(2001) },
      'content',
    ],
    ['nothing at all', { content: ' ' }, '50006'],
    ['6 rows', { content: 'x', components: buttons(6).map((part) => row(part)) }, 'components'],
    [
      'the same custom_id twice',
      { content: 'x', components: [row(button(), button())] },
      'components.0.components.1.custom_id',
    ],
    ['a text display without the V2 flag', { components: [text('x')] }, 'components.0.type'],
    ['content with the V2 flag', { ...v2(text('x')), content: 'x' }, 'content'],
    ['two text displays of 2,001 each', v2(text('x'.repeat(2001)), text('x'.repeat(2001))), 'components'],
    ['41 components', v2(...Array.from({ length: 41 }, () => text('x'))), 'components'],
    [
      '6,001 characters in embeds',
      { embeds: [{ description: 'x'.repeat(4000) }, { description: 'x'.repeat(2001) }] },
      'embeds',
    ],
    [
      'a word as emoji',
      { content: 'x', components: [row(button({ emoji: { name: 'up' } }))] },
      'components.0.components.0.emoji.name',
    ],
  ])('is refused by us as by the real server: %s', (_name, body, at) => {
    expect(message(body)).toBe(at);
  });
});

describe('pings', () => {
  const shown = { content: '@everyone <@5> <@&6>', embeds: [], components: [], flags: 0 };
  it.each([
    ['a plain message without rule', undefined, false, { everyone: true, users: ['5'], roles: ['6'] }],
    ['an interaction answer without rule', undefined, true, { everyone: false, users: ['5'], roles: [] }],
    ['parse: []', { parse: [] }, false, { everyone: false, users: [], roles: [] }],
    ['named users only', { users: ['5'] }, false, { everyone: false, users: ['5'], roles: [] }],
  ])('%s', (_name, rule, isInteraction, expected) => {
    expect(pingsOf(shown, rule, isInteraction)).toEqual(expected);
  });
});

describe('a modal', () => {
  const input = { type: 4, custom_id: 'q', style: 2, min_length: 3, max_length: 10 };
  const options = [
    { label: 'Wrong', value: 'wrong' },
    { label: 'Unsafe', value: 'unsafe' },
  ];
  const form = {
    custom_id: 'f',
    title: 'Rate',
    components: [
      { type: 18, label: 'Text', component: input },
      { type: 18, label: 'Reason', component: { type: 21, custom_id: 'r', options } },
      { type: 18, label: 'Kinds', component: { type: 22, custom_id: 'k', options, required: false } },
      { type: 18, label: 'Sure', component: { type: 23, custom_id: 's' } },
      text('Thanks'),
    ],
  };

  it('with a label, radio group, checkbox group, checkbox and text is accepted by both', () => {
    expect(refusal(() => checkModal(form))).toBeUndefined();
    expect(schemaComplaint('ModalInteractionCallbackRequestSchema', { type: 9, data: form })).toBeUndefined();
  });

  it.each([
    ['a title of 46', { ...form, title: 'x'.repeat(46) }, 'data.title'],
    ['no parts', { ...form, components: [] }, 'data.components'],
    [
      'a label of 46',
      { ...form, components: [{ type: 18, label: 'x'.repeat(46), component: input }] },
      'data.components.0.label',
    ],
  ])('is refused by both: %s', (_name, data, at) => {
    expect(refusal(() => checkModal(data))).toBe(at);
    expect(schemaComplaint('ModalInteractionCallbackRequestSchema', { type: 9, data })).toBeDefined();
  });

  it('has at most 5 parts, as documented (the description allows 40)', () => {
    const six = { ...form, components: [...form.components, text('x')] };
    expect(refusal(() => checkModal(six))).toBe('data.components');
  });

  it('takes answers as the app does and sends them in its tree', () => {
    const modal = checkModal(form);
    expect(modalRefusals(modal, { q: 'ab', r: 'nope' })).toEqual({
      q: 'Must be at least 3 in length.',
      r: 'Choose one of the options.',
    });
    expect(modalRefusals(modal, {})).toEqual({ q: 'This field is required.', r: 'This field is required.' });
    const answers = { q: 'abc', r: 'wrong', k: ['unsafe'], s: true };
    expect(modalRefusals(modal, answers)).toEqual({});
    const inner = modalSubmission(modal, answers).map(
      (part) => part.component as { value?: unknown; values?: unknown } | undefined,
    );
    expect(inner.map((part) => part && (part.value ?? part.values))).toEqual([
      'abc',
      'wrong',
      ['unsafe'],
      true,
      undefined,
    ]);
  });
});

describe('commands', () => {
  let next = 0;
  const register = (...list: object[]) =>
    refusal(() => checkCommands(list as never, null, () => String(++next)));
  const option = (extra: object = {}) => ({ type: 3, name: 'o', description: 'd', ...extra });
  it.each([
    ['a name with capitals', [{ name: 'Ask', description: 'x' }], '0.name'],
    ['a description of 101', [{ name: 'ask', description: 'x'.repeat(101) }], '0.description'],
    ['no description', [{ name: 'ask', description: '' }], '0.description'],
    [
      'the same name twice',
      [
        { name: 'a', description: 'x' },
        { name: 'a', description: 'x' },
      ],
      '1.name',
    ],
    [
      'required after optional',
      [{ name: 'a', description: 'x', options: [option({ name: 'p' }), option({ required: true })] }],
      '0.options.1',
    ],
    [
      '26 options',
      [
        {
          name: 'a',
          description: 'x',
          options: Array.from({ length: 26 }, (_, n) => option({ name: `o${n}` })),
        },
      ],
      '0.options',
    ],
  ])('are refused: %s', (_name, list, at) => {
    expect(register(...list)).toBe(at);
  });
});
