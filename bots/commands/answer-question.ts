// One question from chat to the marketplace and its answer back: checks, model, stream with quote and Stop, final
// answer as a durable delivery. Used by /ask, free conversation, 🔁 and example buttons. Money and models are the
// marketplace's; this file only shows. Invariant: whatever happens the person gets exactly one final message, also when
// this process dies: before the call starts, the outbox holds "I was interrupted", later the answer itself.
import type { CallDone, CallRefusal, Quote } from '../../marketplace/marketplace.ts';
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
import { emptyQuestionReply, interruptedReply, refusalReply, tooLongReply } from './refusal-words.ts';

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

/** Answers a question in the conversation of `context`; never throws for what the world may do to a call. */
export async function answerQuestion(context: CommandContext, question: Question): Promise<void> {
  const { marketplace, respond, source } = context;
  const typed = typedText(question.raw, context.questionCharsMax);
  if (!typed.ok) {
    await respond.reply(
      typed.code === 'empty' ? emptyQuestionReply : tooLongReply(typed.chars, typed.charsMax),
    );
    return;
  }
  const person = await context.person();
  const chosen = question.modelSlug === undefined ? await conversationModel(context) : null;
  if (question.modelSlug === undefined && chosen === null) {
    await respond.reply(
      modelListReply(await marketplace.models(), 'Which model should answer? This cost nothing so far.'),
    );
    return;
  }
  const greeting = await welcome(context);
  const frame: AnswerFrame = {
    intro: greeting === null && !chosen?.intro ? null : lines(greeting, chosen?.intro),
    isPrivate: source.isPrivate,
  };

  const key = `answer:${question.eventKey}`;
  const promised: Delivery = {
    platform: source.platform,
    conversationId: source.conversationId,
    reply: interruptedReply,
    message: null,
    eventKey: question.eventKey,
  };
  await context.delivery.promise(key, promised);

  const call = context.calls.begin(source);
  const stream = createLazyStream(async (opening) => {
    const opened = await respond.stream(stopButton(call.run), opening);
    if (opened.message !== null) {
      await context.delivery
        .promise(key, { ...promised, message: opened.message })
        .catch((fault: unknown) => {
          context.log.warn({ err: fault, key }, 'the open message could not be noted in the outbox');
        });
    }
    return opened;
  });
  let quote: Quote | null = null;
  let outcome: CallDone | CallRefusal;
  try {
    outcome = await marketplace.ask(
      {
        eventKey: question.eventKey,
        person,
        conversationKey: context.conversationKey,
        text: typed.text,
        modelSlug: question.modelSlug,
        signal: call.signal,
      },
      {
        quoted(quoted) {
          quote = quoted;
          if (quoted.availableNano >= quoted.ceilingNano) stream.show(writingText('', quote, frame));
        },
        text: (soFar) => stream.show(writingText(soFar, quote, frame)),
      },
    );
  } catch (fault) {
    context.log.error({ err: fault, eventKey: question.eventKey }, 'a call failed without an outcome');
    outcome = { ok: false, code: 'outcome_unknown', reason: 'ask threw' };
  } finally {
    call.end();
  }
  if (!outcome.ok) context.log.info({ ...outcome, eventKey: question.eventKey }, 'no answer');
  const reply = outcome.ok ? answeredReply(outcome, frame) : refusalReply(outcome, source.isPrivate);
  const message = await deliver(context, key, reply, await stream.ready());
  if (!outcome.ok && outcome.code === 'outcome_unknown') {
    // The books may have the answer after all; the message is put right once they are back.
    await context.delivery.later(`${key}:truth`, { ...promised, reply, message });
  }
}
