// Keeps a person's view up to date: the current snapshot plus one live event gives the next snapshot. Pure.
// Used by the page in the browser and by the test driver, so that both see exactly the same.

import type { Snapshot, ViewEvent } from './view-types.ts';

/** The view after `event`; `undefined` stays `undefined` until the first snapshot arrives. */
export function nextView(view: Snapshot | undefined, event: ViewEvent): Snapshot | undefined {
  if (event.kind === 'snapshot') return event.snapshot;
  if (view === undefined) return undefined;
  const { telegram, discord } = view;
  switch (event.kind) {
    case 'people':
      return { ...view, people: event.people };
    case 'notice':
    case 'answered':
      return view;
    case 'telegram.message':
      return {
        ...view,
        telegram: { ...telegram, messages: upsert(telegram.messages, event.message, (m) => m.message_id) },
      };
    case 'telegram.deleted':
      return {
        ...view,
        telegram: {
          ...telegram,
          messages: telegram.messages.filter((m) => m.message_id !== event.message_id),
        },
      };
    case 'telegram.state':
      return { ...view, telegram: { ...telegram, ...event.state } };
    case 'discord.message':
      return {
        ...view,
        discord: { ...discord, messages: upsert(discord.messages, event.message, (m) => m.id) },
      };
    case 'discord.deleted':
      return {
        ...view,
        discord: { ...discord, messages: discord.messages.filter((m) => m.id !== event.message_id) },
      };
    case 'discord.channel':
      return {
        ...view,
        discord: { ...discord, channels: upsert(discord.channels, event.channel, (c) => c.id) },
      };
    case 'discord.state':
      return { ...view, discord: { ...discord, ...event.state } };
  }
}

function upsert<Item>(list: readonly Item[], item: Item, keyOf: (item: Item) => string | number): Item[] {
  const at = list.findIndex((known) => keyOf(known) === keyOf(item));
  return at === -1 ? [...list, item] : list.map((known, index) => (index === at ? item : known));
}
