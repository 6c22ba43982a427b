// The playground's own HTTP interface: who is there, and everything a person does in either app. Used by the page and
// by test/support/playground-driver.ts. JSON in and out; a refused act answers 422 with {ok:false, error}.
// Knows nothing of the bot-facing interfaces.

import { type Context, Hono } from 'hono';
import type { DiscordPersonActs } from './local-discord/discord-person.ts';
import type { DiscordWorld } from './local-discord/discord-world.ts';
import {
  dropReplyAsPerson,
  pressAsPerson,
  sendAsPerson,
  setBlockedAsPerson,
  stopDraftAsPerson,
} from './local-telegram/telegram-person.ts';
import type { TelegramWorld } from './local-telegram/telegram-world.ts';
import type { PersonView, Snapshot } from './page/view-types.ts';
import type { PlaygroundPeople } from './playground-people.ts';
import { pngSize } from './png-size.ts';

interface PeopleRoutesDeps {
  readonly people: PlaygroundPeople;
  readonly telegram: TelegramWorld;
  readonly discord: DiscordWorld;
  readonly discordActs: DiscordPersonActs;
}

type Body = Readonly<Record<string, unknown>>;
type Act = (person: PersonView, body: Body) => unknown;

class BadAct extends Error {}

export function snapshotOf(deps: PeopleRoutesDeps, person: PersonView): Snapshot {
  const { people, telegram, discord } = deps;
  return { person, people: people.all(), telegram: telegram.view(person), discord: discord.view(person) };
}

export function peopleRoutes(deps: PeopleRoutesDeps): Hono {
  const { people, telegram, discordActs } = deps;
  const acts: Readonly<Record<string, Act>> = {
    'telegram/send': (person, body) =>
      sendAsPerson(telegram, person, text(body, 'text'), optionalNumber(body, 'replyTo')),
    'telegram/press': (person, body) =>
      pressAsPerson(telegram, person, number(body, 'messageId'), text(body, 'data')),
    'telegram/stop': (person) => stopDraftAsPerson(telegram, person),
    'telegram/drop-reply': (person) => dropReplyAsPerson(telegram, person),
    'telegram/block': (person, body) => setBlockedAsPerson(telegram, person, body.blocked === true),
    'discord/message': (person, body) =>
      discordActs.message(person, text(body, 'channelId'), text(body, 'text'), optionalText(body, 'replyTo')),
    'discord/slash': (person, body) =>
      discordActs.slash(person, text(body, 'channelId'), text(body, 'name'), record(body, 'options')),
    'discord/autocomplete': (person, body) =>
      discordActs.autocomplete(
        person,
        text(body, 'channelId'),
        text(body, 'name'),
        record(body, 'options'),
        text(body, 'focused'),
      ),
    'discord/press': (person, body) =>
      discordActs.press(
        person,
        text(body, 'messageId'),
        text(body, 'customId'),
        optionalTexts(body, 'values'),
      ),
    'discord/modal': (person, body) =>
      discordActs.submitModal(person, text(body, 'interactionId'), record(body, 'answers')),
    'discord/modal-close': (person) => discordActs.closeModal(person),
  };

  const routes = new Hono();
  const personOf = (context: Context): PersonView => {
    const person = people.byId(context.req.param('person') ?? '');
    if (person === undefined) throw new BadAct('unknown_person');
    return person;
  };
  routes.onError((error, context) => {
    if (error instanceof BadAct) return context.json({ ok: false, error: error.message }, 400);
    throw error;
  });
  routes.get('/people', (context) => context.json({ people: people.all() }));
  routes.post('/people', async (context) => {
    const name = text(await readBody(context), 'name');
    if (name.trim() === '') throw new BadAct('empty_name');
    return context.json({ ok: true, person: people.add(name) }, 201);
  });
  routes.get('/people/:person', (context) => context.json(snapshotOf(deps, personOf(context))));
  routes.post('/people/:person/:platform/:act', async (context) => {
    const act = acts[`${context.req.param('platform')}/${context.req.param('act')}`];
    if (act === undefined) throw new BadAct('unknown_act');
    const result = (await act(personOf(context), await readBody(context))) as { readonly ok: boolean };
    return context.json(result, result.ok ? 200 : 422);
  });
  // Files a bot sent: always downloaded, never opened as a page of this origin; a picture may be drawn by the page.
  routes.get('/files/:file', (context) => {
    const file = telegram.file(context.req.param('file'));
    if (file === undefined) return context.text('Not Found', 404);
    const bytes = Buffer.from(file.base64, 'base64');
    return context.body(bytes, 200, {
      'Content-Type': pngSize(bytes) === null ? 'application/octet-stream' : 'image/png',
      'X-Content-Type-Options': 'nosniff',
      'Content-Disposition': 'attachment',
    });
  });
  return routes;
}

async function readBody(context: Context): Promise<Body> {
  // Only JSON: a form on some other website cannot send it here without asking first.
  if (!(context.req.header('content-type') ?? '').startsWith('application/json'))
    throw new BadAct('json_expected');
  const body: unknown = await context.req.json().catch(() => undefined);
  if (typeof body !== 'object' || body === null) throw new BadAct('json_expected');
  return body as Body;
}

function optionalText(body: Body, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new BadAct(`bad_${name}`);
  return value;
}

function text(body: Body, name: string): string {
  const value = optionalText(body, name);
  if (value === undefined) throw new BadAct(`missing_${name}`);
  return value;
}

function optionalNumber(body: Body, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new BadAct(`bad_${name}`);
  return value;
}

function number(body: Body, name: string): number {
  const value = optionalNumber(body, name);
  if (value === undefined) throw new BadAct(`missing_${name}`);
  return value;
}

function optionalTexts(body: Body, name: string): string[] | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new BadAct(`bad_${name}`);
  return value.map(String);
}

function record(body: Body, name: string): Readonly<Record<string, never>> {
  const value = body[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new BadAct(`bad_${name}`);
  return value as Readonly<Record<string, never>>;
}
