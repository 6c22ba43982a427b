// Every refusal of the marketplace in words: what happened, that it cost nothing, what to do next. Used by the answer
// flow and the error boundary. Pure. Reasons that come from inside (engine, database) are for the log, not for people.
import type { CallRefusal } from '../../marketplace/marketplace.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count, openAmount } from '../core/words.ts';
import { balanceButton, helpButton, modelsButton } from './answer-buttons.ts';
import { budgetReachedReply } from './budget-words.ts';

const FREE = bold('This cost nothing.');

export const emptyQuestionReply: Reply = {
  text: lines(
    'I found no question in that. I read text only: no pictures, files or voice.',
    rich(FREE, ' Write a question in plain words, or see what I can do with /help.'),
  ),
  buttons: [[helpButton]],
  ephemeral: true,
};

export const tooLongReply = (chars: number, charsMax: number): Reply => ({
  text: lines(
    `That is ${chars.toLocaleString('en')} characters long; I take at most ${charsMax.toLocaleString('en')}.`,
    rich(FREE, ' Shorten it, or ask about one part at a time.'),
  ),
  ephemeral: true,
});

/** At least a second: nobody is told to come back in no time. */
const waitWords = (ms: number): string => count(Math.max(1, Math.ceil(ms / 1000)), 'second');

/** What a person reads when no answer came; in shared places not what they have. */
export function refusalReply(refusal: CallRefusal, isPrivate: boolean): Reply {
  switch (refusal.code) {
    case 'already_answered':
      return {
        text: lines(
          'I have already answered that; the answer stands further up.',
          rich(FREE, ' For another answer press 🔁 under the newest one, or write again.'),
        ),
        ephemeral: true,
      };
    case 'empty_question':
      return emptyQuestionReply;
    case 'question_too_long':
      return tooLongReply(refusal.chars, refusal.charsMax);
    case 'no_model_chosen':
      return {
        text: lines('No model is chosen here yet.', rich(FREE, ' Choose one, then ask again.')),
        buttons: [[modelsButton('Choose a model')]],
        ephemeral: true,
      };
    case 'model_retired':
      return {
        text: lines(
          rich(bold(shownText(refusal.title, 80)), ' has been retired and answers no more.'),
          rich(FREE, ' Choose another model, then ask again.'),
        ),
        buttons: [[modelsButton('Choose another')]],
        ephemeral: true,
      };
    case 'call_in_progress':
      return {
        text: lines(
          'Your previous question is still being answered.',
          rich(FREE, ' Wait for that answer or press Stop, then ask again.'),
        ),
        ephemeral: true,
      };
    case 'balance_too_low':
      return {
        text: lines(
          rich(
            'Your balance is too low: this answer could cost up to ',
            bold(openAmount(refusal.neededNano)),
            ' and you have ',
            isPrivate ? bold(openAmount(refusal.availableNano)) : 'less than that',
            '.',
          ),
          rich(
            FREE,
            ' Ask for a shorter answer with a smaller budget (/budget message and an amount), choose a cheaper model, or pay some in with /deposit. What you earn is paid to your wallet, from where it can be paid in.',
          ),
        ),
        buttons: [[balanceButton, modelsButton('Other models')]],
        ephemeral: true,
      };
    case 'budget_reached':
      return budgetReachedReply(refusal, isPrivate);
    case 'engine_busy':
      return {
        text: lines(
          'More people are asking right now than I can answer.',
          rich(
            FREE,
            ` What was set aside is yours again. Please ask again in ${waitWords(refusal.retryAfterMs)}.`,
          ),
        ),
      };
    case 'answer_too_late':
      return {
        text: lines(
          'Your turn did not come in time: the line was too long.',
          rich(
            FREE,
            ` What was set aside is yours again. Please ask again in ${waitWords(refusal.retryAfterMs)}.`,
          ),
        ),
      };
    case 'generation_failed':
      return {
        text: lines(
          'The model broke off before its answer was done.',
          rich(FREE, ' What was set aside is yours again. Please ask once more in a moment.'),
        ),
      };
    case 'outcome_unknown':
      return {
        text: lines(
          'I lost touch with the books in the middle of this.',
          rich(
            FREE,
            ' What was set aside for it comes back by itself within minutes; nobody pays twice. Look at /balance, then ask again.',
          ),
        ),
        buttons: [[balanceButton]],
      };
  }
}

/** Stop was pressed before the first word. */
export const stoppedEarlyReply: Reply = {
  text: lines(
    'You stopped it before the first word.',
    rich(FREE, ' What was set aside is yours again. Ask whenever you like.'),
  ),
};

/** The error boundary's words; nothing of the fault shows. */
export const failureReply: Reply = {
  text: lines(
    'Something went wrong on my side.',
    rich(FREE, ' Please try again in a moment; if it happens again, /help tells what else works.'),
  ),
  ephemeral: true,
};

export const tooManyReply: Reply = {
  text: lines(
    'Several of your questions are waiting already.',
    rich(FREE, ' This one was not taken: wait for an answer or press Stop, then send it again.'),
  ),
  ephemeral: true,
};

/** Tells, after a restart, of an answer whose end is not known here. */
export const interruptedReply: Reply = {
  text: lines(
    'I was interrupted while I was answering this, sorry.',
    rich(
      bold('What did not reach you costs nothing:'),
      ' what was set aside comes back by itself. Please ask again.',
    ),
  ),
  buttons: [[balanceButton]],
};

export const OLD_BUTTON_TOAST = 'That button is too old: I have changed since. This cost nothing. Try /help.';
export const DOUBLE_PRESS_TOAST = 'I am on it already: one press is enough. The second cost nothing.';
