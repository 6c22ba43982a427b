// One line per chat for everything that goes out, sends and edits alike, because platforms count them together.
// Used by both senders. It knows no Discord and no Telegram, only PlatformFault.retry.
// Two kinds of calls: `must` (sends, final edits: in order, retried, penalties waited out, never dropped) and `offer`
// (intermediate edits: only the newest of a slot waits, at the edit interval; a failed or penalised one is dropped).
// States of a chat: idle → waiting (for the interval or a penalty) → calling → waiting | idle. `must` wakes a wait for an
// offer. Invariant: at most one call of a chat runs, so a withdrawn offer can never land after the final edit.
import { PlatformFault } from '../errors.ts';

export interface Pacer {
  /**
   * Runs a call that has to happen.
   * @throws the call's own fault when trying again cannot help or every try was used up; 'stopping' after close()
   */
  must<T>(chat: string, call: () => Promise<T>): Promise<T>;
  /** Offers the newest intermediate state of a slot (a streaming message); may never run. */
  offer(chat: string, slot: string, call: () => Promise<void>): void;
  /** Forgets what was offered for a slot. */
  withdraw(chat: string, slot: string): void;
  /** Fails what still waits (durable deliveries are sent again at the next start) and waits for running calls. */
  close(): Promise<void>;
}

interface PacerOptions {
  /** Least time between two offered edits of one chat. */
  readonly editIntervalMs: (chat: string) => number;
  /** Tells of faults that no caller sees (a dropped intermediate edit). */
  readonly onDropped?: (fault: unknown) => void;
}

interface Job {
  readonly call: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: unknown) => void;
  tries: number;
}

interface Chat {
  readonly jobs: Job[];
  readonly offers: Map<string, () => Promise<void>>;
  lastCallAt: number;
  blockedUntil: number;
  wake: (() => void) | null;
  running: Promise<void> | null;
}

const TRIES_MAX = 8;
const BACKOFF_FIRST_MS = 400;
const BACKOFF_MAX_MS = 20_000;

const stopping = (): PlatformFault =>
  new PlatformFault('The bot is stopping.', { code: 'stopping', retry: 'never' });

export function createPacer(options: PacerOptions): Pacer {
  const chats = new Map<string, Chat>();
  let closed = false;

  const chatOf = (id: string): Chat => {
    const known = chats.get(id);
    if (known) return known;
    const chat: Chat = {
      jobs: [],
      offers: new Map(),
      lastCallAt: 0,
      blockedUntil: 0,
      wake: null,
      running: null,
    };
    chats.set(id, chat);
    return chat;
  };

  /** Sleeps until `until` or until woken by a new `must` job or by close(). */
  const pause = (chat: Chat, until: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(done, Math.max(0, until - Date.now()));
      function done(): void {
        clearTimeout(timer);
        chat.wake = null;
        resolve();
      }
      chat.wake = done;
    });

  /** Remembers how long a chat must rest after a fault; true when the call may be tried again. */
  const restAfter = (chat: Chat, fault: unknown, tries: number): boolean => {
    if (!(fault instanceof PlatformFault) || fault.retry === 'never') return false;
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (tries - 1));
    chat.blockedUntil = Date.now() + (fault.retry === 'after' ? fault.retryAfterMs : backoffMs);
    return tries < TRIES_MAX;
  };

  const runJob = async (chat: Chat, job: Job): Promise<void> => {
    job.tries += 1;
    try {
      job.resolve(await job.call());
    } catch (fault) {
      if (restAfter(chat, fault, job.tries) && !closed) chat.jobs.unshift(job);
      else job.reject(closed ? stopping() : fault);
    }
  };

  const runOffer = async (chat: Chat, slot: string, call: () => Promise<void>): Promise<void> => {
    chat.offers.delete(slot);
    try {
      await call();
    } catch (fault) {
      restAfter(chat, fault, 1);
      options.onDropped?.(fault);
    }
  };

  const run = async (id: string, chat: Chat): Promise<void> => {
    for (;;) {
      const job = chat.jobs[0];
      const offered = chat.offers.entries().next().value;
      if (job === undefined && (offered === undefined || closed)) break;
      const due = job
        ? chat.blockedUntil
        : Math.max(chat.blockedUntil, chat.lastCallAt + options.editIntervalMs(id));
      if (Date.now() < due && !closed) {
        await pause(chat, due);
        continue;
      }
      if (job !== undefined) {
        chat.jobs.shift();
        if (closed) job.reject(stopping());
        else await runJob(chat, job);
      } else if (offered !== undefined) await runOffer(chat, ...offered);
      chat.lastCallAt = Date.now();
    }
    chat.running = null;
    if (chat.blockedUntil <= Date.now() && chats.size > 1000) chats.delete(id);
  };

  const start = (id: string, chat: Chat): void => {
    chat.running ??= run(id, chat);
  };

  return {
    must<T>(id: string, call: () => Promise<T>): Promise<T> {
      if (closed) return Promise.reject(stopping());
      const chat = chatOf(id);
      return new Promise<T>((resolve, reject) => {
        chat.jobs.push({ call, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
        chat.wake?.();
        start(id, chat);
      });
    },
    offer(id, slot, call) {
      if (closed) return;
      const chat = chatOf(id);
      chat.offers.set(slot, call);
      start(id, chat);
    },
    withdraw(id, slot) {
      chats.get(id)?.offers.delete(slot);
    },
    async close() {
      closed = true;
      const running = [...chats.values()].map((chat) => {
        chat.wake?.();
        return chat.running;
      });
      await Promise.all(running);
    },
  };
}
