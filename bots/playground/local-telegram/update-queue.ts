// Updates waiting for the bot, with Telegram's confirmation rule: an update leaves only when a later offset is asked
// for. Survives a restart (shelf). One poller at a time: a second one ends the first with 409.
// Used by the server's getUpdates and by whatever creates updates.

import type { Update } from '@grammyjs/types';
import type { Shelf } from '../chat-journal.ts';
import type { PlaygroundClock } from '../playground-clock.ts';
import { faults } from './telegram-faults.ts';

type UpdateKind = Exclude<keyof Update, 'update_id'>;

interface PollRequest {
  readonly offset: number;
  readonly limit: number;
  readonly timeoutMs: number;
  readonly allowed: readonly string[] | undefined;
  /** Fires when the poller hangs up. */
  readonly signal: AbortSignal;
}

export interface UpdateQueue {
  push<Kind extends UpdateKind>(kind: Kind, body: NonNullable<Update[Kind]>): void;
  poll(request: PollRequest): Promise<Update[]>;
  /** Sends the last `count` delivered updates once more, confirmed or not, as a lost connection can make Telegram do. */
  redeliver(count: number): void;
  waiting(): number;
  dropAll(): void;
}

/** Only on request, as the Bot API documents for allowed_updates. */
const NOT_BY_DEFAULT = ['chat_member', 'message_reaction', 'message_reaction_count'];
const REMEMBERED = 100;

interface Settings {
  readonly nextId: number;
  readonly allowed: readonly string[];
}

export function createUpdateQueue(
  shelf: Shelf<Update>,
  settings: Shelf<Settings>,
  clock: PlaygroundClock,
): UpdateQueue {
  let pending: { readonly wake: () => void; readonly conflict: () => void } | undefined;
  let delivered: Update[] = [];
  let again: Update[] = [];
  const current = (): Settings => settings.get('queue') ?? { nextId: 100_000_001, allowed: [] };
  const isWanted = (kind: string): boolean => {
    const { allowed } = current();
    return allowed.length === 0 ? !NOT_BY_DEFAULT.includes(kind) : allowed.includes(kind);
  };

  const take = (offset: number, limit: number): Update[] => {
    const repeated = again;
    again = [];
    const waiting = shelf.values().sort((a, b) => a.update_id - b.update_id);
    const from = offset < 0 ? (waiting.at(offset)?.update_id ?? waiting[0]?.update_id ?? 0) : offset;
    for (const update of waiting) if (update.update_id < from) shelf.delete(String(update.update_id));
    const batch = waiting.filter((update) => update.update_id >= from).slice(0, limit);
    delivered = [...delivered.filter((old) => !batch.includes(old)), ...batch].slice(-REMEMBERED);
    return [...repeated, ...batch];
  };

  return {
    push(kind, body) {
      if (!isWanted(kind)) return;
      const { nextId, allowed } = current();
      settings.set('queue', { nextId: nextId + 1, allowed });
      shelf.set(String(nextId), { update_id: nextId, [kind]: body } as Update);
      pending?.wake();
    },
    poll({ offset, limit, timeoutMs, allowed, signal }) {
      pending?.conflict();
      if (allowed !== undefined) settings.set('queue', { ...current(), allowed });
      const ready = take(offset, limit);
      if (ready.length > 0 || timeoutMs === 0) return Promise.resolve(ready);
      return new Promise<Update[]>((resolve, reject) => {
        const finish = (settle: () => void) => {
          if (pending !== mine) return;
          pending = undefined;
          cancel();
          signal.removeEventListener('abort', onAbort);
          settle();
        };
        const onAbort = () => finish(() => resolve([]));
        const mine = {
          wake: () => finish(() => resolve(take(offset, limit))),
          conflict: () => finish(() => reject(faults.twoPollers())),
        };
        pending = mine;
        const cancel = clock.after(timeoutMs, () => finish(() => resolve([])));
        signal.addEventListener('abort', onAbort);
      });
    },
    redeliver(count) {
      again.push(...delivered.slice(-count));
      if (again.length > 0) pending?.wake();
    },
    waiting: () => shelf.values().length,
    dropAll() {
      for (const update of shelf.values()) shelf.delete(String(update.update_id));
    },
  };
}
