// One question from chat to the marketplace and its answer back: checks, model, stream with quote and Stop, final
// answer as a durable delivery. Used by /ask, free conversation, 🔁 and example buttons. Money and models are the
// marketplace's; this file only shows. Invariant: whatever happens the person gets exactly one final message, also when
// this process dies: before the call starts, the outbox holds "I was interrupted", later the answer itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallDone, CallRefusal, CallView, Person, Quote } from '../../marketplace/marketplace.ts';
import type { Delivery } from '../core/durable-delivery.ts';
import type { MessageRef, Reply, RichText, StreamingMessage } from '../core/platform.ts';
import { lines, small } from '../core/rich-text.ts';
import { typedText } from '../core/sanitize-text.ts';
import { openAmount } from '../core/words.ts';
import { stopButton } from './answer-buttons.ts';
import { type AnswerFrame, answeredReply, writingText } from './answer-view.ts';
import { conversationModel } from './choose-conversation-model.ts';
import type { CommandContext } from './command-context.ts';
import { modelListReply } from './model-view.ts';
import {
  emptyQuestionReply,
  failureReply,
  interruptedReply,
  refusalReply,
  stoppedEarlyReply,
  tooLongReply,
} from './refusal-words.ts';

/** A platform that is slower than this does not hold the answer up. */
const QUOTE_SHOWN_MS = 5_000;

interface Question {
  readonly raw: string;
  /** Asking twice with the same key is one call. */
  readonly eventKey: string;
  /** Answer with this model, whatever the conversation has chosen. */
  readonly modelSlug?: string;
}

/** Opens the streaming message when there is something to show, and forwards texts to it in order. */
function createLazyStream(open: (opening: RichText) => Promise<StreamingMessage>) {
  let opening: Promise<StreamingMessage | null> | null = null;
  let opened: StreamingMessage | null = null;
  let newest: RichText | null = null;
  return {
    show(text: RichText): void {
      newest = text;
      if (opened !== null) opened.update(text);
      opening ??= open(text).then(
        (stream) => {
          opened = stream;
          if (newest !== null && newest !== text) stream.update(newest);
          return stream;
        },
        // The final answer is sent as a message of its own then.
        () => null,
      );
    },
    /** Resolves when what was shown first is there, or could not be brought there. */
    shown: async (): Promise<void> => void (await opening),
    /** The open stream, or null when nothing was shown (or could not be). */
    ready: async (): Promise<StreamingMessage | null> => (await opening) ?? null,
  };
}

async function welcome(context: CommandContext): Promise<RichText | null> {
  const person = await context.person();
  if (!person.isNew) return null;
  const { grantNano } = await context.marketplace.balance(person);
  return [small(`Welcome! ${openAmount(grantNano)} to try with are yours; /help tells how it works.`)];
}

async function deliver(
  context: CommandContext,
  key: string,
  reply: Reply,
  stream: StreamingMessage | null,
): Promise<MessageRef | null> {
  const delivery: Delivery = {
    platform: context.source.platform,
    conversationId: context.source.conversationId,
    reply,
    message: stream?.message ?? null,
    eventKey: null,
  };
  const via = (): Promise<MessageRef> =>
    stream === null ? context.respond.reply(reply) : stream.finish({ ...reply, ephemeral: false });
  return context.delivery.send(key, delivery, via);
}

/** Who asks and how the answer is framed, or the reply that says which model to choose first. */
async function prepare(
  context: CommandContext,
  { modelSlug }: Question,
): Promise<{ readonly person: Person; readonly frame: AnswerFrame } | Reply> {
  const person = await context.person();
  const chosen = modelSlug === undefined ? await conversationModel(context) : null;
  if (modelSlug === undefined && chosen === null) {
    const models = await context.marketplace.models();
    return modelListReply(models, 'Which model should answer? This cost nothing so far.');
  }
  const greeting = await welcome(context);
  const intro = greeting === null && !chosen?.intro ? null : lines(greeting, chosen?.intro);
  return { person, frame: { intro, isPrivate: context.source.isPrivate } };
}

/** The call itself, shown while it runs. */
async function runCall(
  context: CommandContext,
  question: Question,
  { person, frame }: { readonly person: Person; readonly frame: AnswerFrame },
  note: (message: MessageRef) => Promise<void>,
): Promise<{
  readonly outcome: CallDone | CallRefusal;
  readonly stopped: boolean;
  readonly stream: StreamingMessage | null;
}> {
  const call = context.calls.begin(context.source);
  const stream = createLazyStream(async (opening) => {
    const opened = await context.respond.stream(stopButton(call.run), opening);
    if (opened.message !== null) await note(opened.message);
    return opened;
  });
  let quote: Quote | null = null;
  const view: CallView = {
    quoted(quoted) {
      quote = quoted;
      if (quoted.availableNano < quoted.ceilingNano) return undefined;
      stream.show(writingText('', quote, frame));
      // The first time a model is asked, the most it may cost stands there before it is paid for.
      return quoted.firstOfModel
        ? Promise.race([stream.shown(), sleep(QUOTE_SHOWN_MS, undefined, { ref: false })])
        : undefined;
    },
    queued: (position) => stream.show(writingText('', quote, frame, position)),
    text: (soFar) => stream.show(writingText(soFar, quote, frame)),
  };
  const { eventKey, modelSlug, raw: text } = question;
  const { conversationKey } = context;
  try {
    const input = { eventKey, person, conversationKey, text, modelSlug, signal: call.signal };
    const outcome = await context.marketplace.ask(input, view);
    return { outcome, stopped: call.signal.aborted, stream: await stream.ready() };
  } catch (fault) {
    context.log.error({ err: fault, eventKey }, 'a call failed without an outcome');
    return {
      outcome: { ok: false, code: 'outcome_unknown', reason: 'ask threw' },
      stopped: false,
      stream: await stream.ready(),
    };
  } finally {
    call.end();
  }
}

/** Answers a question in the conversation of `context`; throws only when not even the outbox can be written. */
export async function answerQuestion(context: CommandContext, question: Question): Promise<void> {
  const { respond, source, delivery, log } = context;
  const typed = typedText(question.raw, context.questionCharsMax);
  if (!typed.ok) {
    await respond.reply(
      typed.code === 'empty' ? emptyQuestionReply : tooLongReply(typed.chars, typed.charsMax),
    );
    return;
  }
  const { eventKey } = question;
  const key = `answer:${eventKey}`;
  const promised: Delivery = {
    platform: source.platform,
    conversationId: source.conversationId,
    reply: interruptedReply,
    message: null,
    eventKey,
  };
  await delivery.promise(key, promised);
  const note = (message: MessageRef): Promise<void> =>
    delivery.promise(key, { ...promised, message }).catch((fault: unknown) => {
      log.warn({ err: fault, key }, 'the open message could not be noted in the outbox');
    });
  try {
    const prepared = await prepare(context, question);
    if ('text' in prepared) {
      await deliver(context, key, prepared, null);
      return;
    }
    const asked = { ...question, raw: typed.text };
    const { outcome, stopped, stream } = await runCall(context, asked, prepared, note);
    if (!outcome.ok) log.info({ ...outcome, eventKey }, 'no answer');
    const reply = outcome.ok
      ? answeredReply(outcome, prepared.frame)
      : outcome.code === 'generation_failed' && stopped
        ? stoppedEarlyReply
        : refusalReply(outcome, source.isPrivate);
    const message = await deliver(context, key, reply, stream);
    if (!outcome.ok && outcome.code === 'outcome_unknown') {
      // The books may have the answer after all; the message is put right once they are back.
      await delivery.later(`${key}:truth`, { ...promised, reply, message });
    }
  } catch (fault) {
    log.error({ err: fault, eventKey }, 'a question could not be put to the marketplace');
    await deliver(context, key, failureReply, null);
  }
}
