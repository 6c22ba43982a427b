// The people one can be on the playground page: each has a Telegram account and a Discord account.
// Used by both local servers and the page. Knows nothing of messages. The first four always exist.

import type { Shelf } from './chat-journal.ts';
import type { PersonView } from './page/view-types.ts';

export interface PlaygroundPeople {
  all(): PersonView[];
  byId(id: string): PersonView | undefined;
  byDiscordId(discordId: string): PersonView | undefined;
  byTelegramId(telegramId: number): PersonView | undefined;
  /** Adds a person; the name is trimmed to 32 characters and must not be empty. */
  add(name: string): PersonView;
}

const FIRST_PEOPLE = ['Ada', 'Bo', 'Chidi', 'Dunya'] as const;
const TELEGRAM_ID_BASE = 700_000_001;
const DISCORD_ID_BASE = 300_000_000_000_000_001n;
const PERSON_NAME_CHARS_MAX = 32;

/** People kept on `shelf`; `onAdded` hears of each change. */
export function createPlaygroundPeople(
  shelf: Shelf<PersonView>,
  onAdded: (everyone: PersonView[]) => void,
): PlaygroundPeople {
  const add = (name: string): PersonView => {
    const shown = name.replace(/\s+/g, ' ').trim().slice(0, PERSON_NAME_CHARS_MAX);
    if (shown === '') throw new RangeError('A person needs a name.');
    const number = shelf.values().length;
    const stem = shown.toLowerCase().replace(/[^a-z0-9]+/g, '') || 'person';
    const taken = new Set(shelf.values().map((person) => person.handle));
    const handle = taken.has(stem) ? `${stem}${number + 1}` : stem;
    const person: PersonView = {
      id: handle,
      name: shown,
      handle,
      hue: (number * 67 + 205) % 360,
      telegramId: TELEGRAM_ID_BASE + number,
      discordId: String(DISCORD_ID_BASE + BigInt(number)),
    };
    shelf.set(person.id, person);
    onAdded(shelf.values());
    return person;
  };
  if (shelf.values().length === 0) for (const name of FIRST_PEOPLE) add(name);
  const find = (test: (person: PersonView) => boolean) => shelf.values().find(test);
  return {
    all: () => shelf.values(),
    byId: (id) => shelf.get(id),
    byDiscordId: (discordId) => find((person) => person.discordId === discordId),
    byTelegramId: (telegramId) => find((person) => person.telegramId === telegramId),
    add,
  };
}
