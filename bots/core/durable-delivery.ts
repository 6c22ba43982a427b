// What must reach a person even when this process dies: saved first, then sent, then marked. Used by commands for
// answers and by the news teller; main.ts passes the store (the db's outbox) and the platforms.
// States of a key: saved → sent; a save under the same key replaces what should be told (first "I was interrupted",
// then the answer). At the next start, and every minute, what is saved but not sent goes out: into the message that
// was already shown when there is one (an edit may be repeated), else as a new one with the key as idempotency key.
import type { BotLog, MessageRef, Platform, Reply } from './platform.ts';

export interface Delivery {
  readonly platform: string;
  readonly conversationId: string;
  readonly reply: Reply;
  /** The message that already shows a part of it. */
  readonly message: MessageRef | null;
  /** Set while a call runs: what the marketplace calls it, to look up how it ended. */
  readonly eventKey: string | null;
}

/** The outbox, as this file needs it. A save of a known key replaces its payload while it is pending. */
export interface DeliveryStore {
  save(key: string, delivery: Delivery): Promise<void>;
  markSent(key: string, message: MessageRef | null): Promise<void>;
  /** Everything saved and not marked, oldest first. */
  pending(): Promise<readonly { readonly key: string; readonly delivery: Delivery }[]>;
}

export interface DurableDelivery {
  /** Saves what to tell if this process dies now; send() ends it. */
  promise(key: string, delivery: Delivery): Promise<void>;
  /**
   * Saves the reply, sends it by `via`, marks it. When `via` fails the reply stays saved and is tried again later:
   * then null is returned, nothing is thrown.
   */
  send(key: string, delivery: Delivery, via: () => Promise<MessageRef>): Promise<MessageRef | null>;
  /** Leaves a delivery to the next rounds; never throws (a store that is down is asked again). */
  later(key: string, delivery: Delivery): Promise<void>;
  /** Sends what is pending, then goes on every minute until stop(). */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface DurableDeliveryOptions {
  readonly store: DeliveryStore;
  readonly platforms: () => readonly Platform[];
  readonly log: BotLog;
  /** The true end of a call that was interrupted, for deliveries with an eventKey; 'later' while it is undecided. */
  readonly resolveInterrupted?: (delivery: Delivery) => Promise<Reply | 'later'>;
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;

export function createDurableDelivery(options: DurableDeliveryOptions): DurableDelivery {
  const { store, log } = options;
  const inFlight = new Set<string>();
  /** What the store could not take while it was down, to be stored in the next round. */
  const unsaved = new Map<string, Delivery>();
  const unmarked = new Map<string, MessageRef | null>();
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<void> | null = null;

  const mark = async (key: string, message: MessageRef | null): Promise<void> => {
    unsaved.delete(key);
    await store.markSent(key, message).catch((fault: unknown) => {
      unmarked.set(key, message);
      log.error({ err: fault, key }, 'sent, but not marked yet: a restart now would tell it twice');
    });
  };

  const keep = async (key: string, delivery: Delivery): Promise<void> => {
    await store.save(key, delivery).catch((fault: unknown) => {
      unsaved.set(key, delivery);
      log.error({ err: fault, key }, 'the outbox is down: kept in memory');
    });
  };

  const catchUp = async (): Promise<void> => {
    for (const [key, message] of unmarked) {
      await store.markSent(key, message);
      unmarked.delete(key);
    }
    for (const [key, delivery] of unsaved) {
      await store.save(key, delivery);
      unsaved.delete(key);
    }
  };

  const redeliver = async (key: string, delivery: Delivery): Promise<void> => {
    const platform = options.platforms().find((each) => each.name === delivery.platform);
    if (platform === undefined) return;
    const resolved = delivery.eventKey === null ? undefined : await options.resolveInterrupted?.(delivery);
    if (resolved === 'later') return;
    const reply = resolved ?? delivery.reply;
    if (delivery.message !== null) {
      try {
        await platform.editMessage(delivery.message, reply);
        await mark(key, delivery.message);
        return;
      } catch (fault) {
        log.warn({ err: fault, key }, 'the message could not be edited any more: sending a new one');
      }
    }
    await mark(key, await platform.send(delivery.conversationId, reply, key));
  };

  const sendPending = async (): Promise<void> => {
    await catchUp();
    for (const { key, delivery } of await store.pending()) {
      if (inFlight.has(key)) continue;
      inFlight.add(key);
      await redeliver(key, delivery)
        .catch((fault: unknown) => log.warn({ err: fault, key }, 'still not delivered: will be tried again'))
        .finally(() => inFlight.delete(key));
    }
  };

  const nextRound = (): Promise<void> => {
    round ??= sendPending()
      .catch((fault: unknown) => log.warn({ err: fault }, 'the outbox could not be read'))
      .finally(() => {
        round = null;
      });
    return round;
  };

  return {
    async promise(key, delivery) {
      inFlight.add(key);
      try {
        await store.save(key, delivery);
      } catch (fault) {
        inFlight.delete(key);
        throw fault;
      }
    },
    async send(key, delivery, via) {
      inFlight.add(key);
      // A store that is down must not keep the answer from the person who waits for it.
      await keep(key, delivery);
      try {
        const message = await via();
        await mark(key, message);
        return message;
      } catch (fault) {
        log.error({ err: fault, key }, 'not delivered yet: stays in the outbox');
        return null;
      } finally {
        inFlight.delete(key);
      }
    },
    later: keep,
    async start() {
      await nextRound();
      timer = setInterval(() => void nextRound(), options.everyMs ?? EVERY_MS);
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await round;
    },
  };
}
