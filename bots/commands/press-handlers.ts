// What each button does, as a table: a new kind of button without an entry does not compile. Used by
// create-command-handler.ts. Navigation replaces the message it was pressed on; everything else answers beside it.
import { createHash } from 'node:crypto';
import type { ActionKind } from '../core/button-codec.ts';
import type { Lane } from '../core/dispatcher.ts';
import type { MessageRef, Reply } from '../core/platform.ts';
import { lines } from '../core/rich-text.ts';
import { commandDefinitions } from './all-commands.ts';
import { answerQuestion } from './answer-question.ts';
import { balanceReply } from './balance-command.ts';
import { budgetsReply } from './budget-command.ts';
import { keptReply } from './claim-command.ts';
import type { CommandContext } from './command-context.ts';
import { decideConsent, openContributionForm } from './contribute-command.ts';
import { openCorrectionForm } from './correction-form.ts';
import { datanetListReply, datanetReply } from './datanet-command.ts';
import { earningsPage } from './earnings-command.ts';
import { helpReply } from './help-command.ts';
import { historyPageReply } from './history-command.ts';
import { chosenReply, modelDetailsReply, modelListReply } from './model-view.ts';
import { showProvenance } from './provenance-view.ts';
import { decideVoteConsent, rateAnswer } from './rate-answer.ts';
import { showReceipt } from './receipt-command.ts';
import { refundedReply } from './refund-command.ts';
import { OLD_BUTTON_TOAST } from './refusal-words.ts';
import { acceptContribution, nextReviewReply, openRejectionForm } from './review-command.ts';
import { showSentences } from './sentence-view.ts';
import { cancelQuestion, cancelReply, showCurve, trainingsReply } from './training-command.ts';
import { withdrawnReply } from './withdraw-command.ts';

interface PressHandler {
  readonly lane: Lane;
  run(context: CommandContext, argument: string, message: MessageRef): Promise<void>;
}

const now = (run: PressHandler['run']): PressHandler => ({ lane: 'immediate', run });
const inTurn = (run: PressHandler['run']): PressHandler => ({ lane: 'queued', run });
const tooOld = now(({ respond }) => respond.toast(OLD_BUTTON_TOAST));

/** Replaces the message the button stands under. */
const page = (reply: (context: CommandContext, argument: string) => Promise<Reply>): PressHandler =>
  now(async (context, argument, message) => context.respond.edit(message, await reply(context, argument)));

/** One 🔁 button gives one further answer, however often it is pressed. */
const againKey = (callId: string, message: MessageRef): string =>
  `again:${callId}:${createHash('sha256').update(message).digest('base64url').slice(0, 16)}`;

async function askAgain(context: CommandContext, callId: string, message: MessageRef): Promise<void> {
  const question = await context.marketplace.questionOf(callId, await context.person());
  if (question === null) await context.respond.toast('Only the person who asked can ask that again.');
  else await answerQuestion(context, { raw: question, eventKey: againKey(callId, message) });
}

async function askExample(context: CommandContext, slug: string): Promise<void> {
  const model = await context.marketplace.model(slug);
  const question = model?.exampleQuestions[0];
  if (question === undefined) await context.respond.toast(OLD_BUTTON_TOAST);
  else await answerQuestion(context, { raw: question, eventKey: context.event.eventId, modelSlug: slug });
}

const datanetGone: Reply = { text: lines('That datanet is gone. /datanet lists what there is.') };
const modelGone: Reply = { text: lines('That model is gone. /models lists what there is.') };

export const pressHandlers: Readonly<Record<ActionKind, PressHandler>> = {
  stop: now(async (context, run, message) => {
    const stopped = context.calls.stop(context.source, run);
    await context.respond.toast(
      stopped ? 'Stopping: you pay only for what is written.' : 'That answer is not being written any more.',
    );
    // Only then: a late press may stand under an answer that has its own buttons by now.
    if (context.calls.isLeftBehind(run)) await context.respond.editButtons(message, []);
  }),
  rate_up: now((context, callId) => rateAnswer(context, callId, 'up')),
  rate_down: now((context, callId) => rateAnswer(context, callId, 'down')),
  why: now((context, callId) => showProvenance(context, callId, false)),
  why_refresh: now((context, callId) => showProvenance(context, callId, true)),
  sentences: now(showSentences),
  again: inTurn(askAgain),
  example: inTurn(askExample),
  receipt: now(showReceipt),
  earnings: page(earningsPage),
  help: page(async () => helpReply(commandDefinitions())),
  balance: now(async (context) => {
    await context.respond.reply(balanceReply(await context.marketplace.balance(await context.person())));
  }),
  budgets: now(async (context) => {
    await context.respond.reply(await budgetsReply(context));
  }),
  history: page(historyPageReply),
  ask_back_no: page(keptReply),
  refund_sure: page((context, draft) => refundedReply(context, draft, true)),
  refund_no: page((context, draft) => refundedReply(context, draft, false)),
  models: page(async ({ marketplace }) => modelListReply(await marketplace.models())),
  model: page(async (context, slug) => {
    const model = await context.marketplace.model(slug);
    const chosen = await context.marketplace.chosenModel(context.conversationKey, await context.person());
    return model === null ? modelGone : modelDetailsReply(model, chosen?.slug === slug);
  }),
  choose: page(async (context, slug) => {
    const person = await context.person();
    const model = await context.marketplace.chooseModel({
      person,
      conversationKey: context.conversationKey,
      slug,
    });
    return model === null ? modelGone : chosenReply(model, context.source.isPrivate);
  }),
  datanets: page(async ({ marketplace }) => datanetListReply(await marketplace.datanets(), 'The datanets')),
  datanet: page(async ({ marketplace }, slug) => {
    const datanet = await marketplace.datanet(slug);
    return datanet === null ? datanetGone : datanetReply(datanet);
  }),
  contribute: now(openContributionForm),
  consent: now((context, draft) => decideConsent(context, draft, true)),
  decline: now((context, draft) => decideConsent(context, draft, false)),
  review_next: page(nextReviewReply),
  accept: now(acceptContribution),
  reject: now(openRejectionForm),
  correct: now(openCorrectionForm),
  vote_consent: now((context, slug, message) => decideVoteConsent(context, slug, message)),
  vote_decline: now((context, _, message) => decideVoteConsent(context, null, message)),
  trainings: page(trainingsReply),
  training_curve: now(showCurve),
  training_cancel: page(cancelQuestion),
  training_cancel_sure: page(cancelReply),
  withdraw_sure: page(withdrawnReply),
  // These three name forms, not buttons.
  contribution: tooOld,
  correction: tooOld,
  reject_reason: tooOld,
  form_gone: now(async ({ respond }) => {
    await respond.reply({
      text: lines(
        'That form is over: I was restarted, or it was cancelled. Nothing was taken and nothing was charged. Start it again, for example with /contribute.',
      ),
      ephemeral: true,
    });
  }),
};
