// From a platform's events to the handlers: dedupe, one queue per conversation, one error boundary that always answers.
// Used by commands/create-command-handler.ts. It knows no command: the lane of an event and the words are passed in.
// Lanes: 'queued' events of a conversation run one after the other in order of arrival; 'immediate' ones (Stop, votes,
// looking something up) never wait behind a running answer. Invariant: no event ends in silence.
import type { BotLog, Inbound, InboundHandler, Reply, Responder } from './platform.ts';

export type Lane = 'queued' | 'immediate';

interface DispatcherOptions {
  readonly handle: InboundHandler;
  readonly laneOf: (event: Inbound) => Lane;
  /** What a person reads when a handler failed; must hold nothing of the fault itself. */
  readonly failureReply: (event: Inbound, fault: unknown) => Reply;
  readonly tooManyReply: (waiting: number) => Reply;
  /** Said when the same button is pressed again while its first press is worked on (or just after, in the queued lane). */
  readonly doublePressToast: string;
  readonly log: BotLog;
  readonly waitingMax?: number;
  readonly rememberedMax?: number;
}

const WAITING_MAX = 5;
const DOUBLE_PRESS_MS = 1500;
const REMEMBERED_MAX = 20_000;
const REMEMBERED_MS = 24 * 60 * 60 * 1000;

export function createDispatcher(options: DispatcherOptions): InboundHandler {
  const seen = new Map<string, number>();
  /** Until when a second press of the same button counts as a double press. */
  const presses = new Map<string, number>();
  const tails = new Map<string, { tail: Promise<void>; waiting: number }>();
  const waitingMax = options.waitingMax ?? WAITING_MAX;
  const rememberedMax = options.rememberedMax ?? REMEMBERED_MAX;

  /** True the first time; platforms deliver again what they think was lost. */
  const isFirst = (eventId: string): boolean => {
    const now = Date.now();
    if (seen.has(eventId)) return false;
    for (const [id, at] of seen) {
      if (seen.size < rememberedMax && now - at < REMEMBERED_MS) break;
      seen.delete(id);
    }
    seen.set(eventId, now);
    return true;
  };

  const guarded = async (event: Inbound, respond: Responder): Promise<void> => {
    try {
      await options.handle(event, respond);
    } catch (fault) {
      options.log.error({ err: fault, eventId: event.eventId, kind: event.kind }, 'a handler failed');
      await respond.reply(options.failureReply(event, fault)).catch((second: unknown) => {
        options.log.error({ err: second, eventId: event.eventId }, 'the failure notice could not be sent');
      });
    }
  };

  const queued = async (event: Inbound, respond: Responder): Promise<void> => {
    const key = `${event.source.platform}:${event.source.conversationId}`;
    const line = tails.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
    if (line.waiting > waitingMax) {
      await respond.reply(options.tooManyReply(line.waiting)).catch((fault: unknown) => {
        options.log.warn({ err: fault, eventId: event.eventId }, 'the busy notice could not be sent');
      });
      return;
    }
    line.waiting += 1;
    line.tail = line.tail.then(() => guarded(event, respond));
    tails.set(key, line);
    await line.tail;
    line.waiting -= 1;
    if (line.waiting === 0) tails.delete(key);
  };

  const inLane = (event: Inbound, respond: Responder): Promise<void> =>
    options.laneOf(event) === 'queued' ? queued(event, respond) : guarded(event, respond);

  const pressed = async (event: Inbound & { kind: 'press' }, respond: Responder): Promise<void> => {
    const key = `${event.source.platform}:${event.source.userId}:${event.message}:${event.action}`;
    if ((presses.get(key) ?? 0) > Date.now()) {
      await respond.toast(options.doublePressToast).catch((fault: unknown) => {
        options.log.warn({ err: fault, eventId: event.eventId }, 'a notice could not be shown');
      });
      return;
    }
    presses.set(key, Number.POSITIVE_INFINITY);
    await inLane(event, respond);
    const now = Date.now();
    // Looking something up again at once is no mistake; asking again may well be one, and costs.
    if (options.laneOf(event) === 'queued') presses.set(key, now + DOUBLE_PRESS_MS);
    else presses.delete(key);
    for (const [old, until] of presses) if (until <= now) presses.delete(old);
  };

  return async (event, respond) => {
    if (!isFirst(event.eventId)) {
      options.log.info({ eventId: event.eventId }, 'delivered again by the platform: ignored');
      return;
    }
    await (event.kind === 'press' ? pressed(event, respond) : inLane(event, respond));
  };
}
