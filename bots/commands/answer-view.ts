// One answer as people see it: while it is written (with the quote) and when it is done (with the price and buttons).
// Used by answer-question.ts. Pure.
import type { CallDone, Quote } from '../../marketplace/marketplace.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { italic, lines, rich, small } from '../core/rich-text.ts';
import { answerText } from '../core/streaming-text.ts';
import { openAmount } from '../core/words.ts';
import { answerButtons } from './answer-buttons.ts';
import { cutByBudget, warningLine } from './budget-words.ts';

/** What a person has is theirs to know: in shared places it is left out. */
export interface AnswerFrame {
  /** Said above the answer: a welcome, a model chosen on the spot. */
  readonly intro: RichText | null;
  readonly isPrivate: boolean;
}

function quoteLine(quote: Quote | null, { isPrivate }: AnswerFrame): RichText | null {
  if (quote === null) return null;
  const have = isPrivate ? ` · you have ${openAmount(quote.availableNano)}` : '';
  return rich(small(`up to ${openAmount(quote.ceilingNano)}${have} · you pay only for what is written`));
}

/** What stands in the answer's place before its first word. @param position in the engine's line; 0 = none */
function waitingWords(position: number): string {
  if (position === 0) return 'Thinking…';
  return position === 1 ? 'You are next in line…' : `You are number ${position} in line…`;
}

/** The message while the answer is being written. */
export const writingText = (soFar: string, quote: Quote | null, frame: AnswerFrame, position = 0): RichText =>
  lines(
    frame.intro,
    soFar === '' ? italic(waitingWords(position)) : answerText(soFar),
    quoteLine(quote, frame),
  );

function endLine(done: CallDone): string | null {
  if (done.reason === 'cancelled') return 'You stopped it: you paid only for what stands here.';
  if (done.reason === 'deadline')
    return 'Cut here: it took longer than an answer may. You paid only for what stands here.';
  if (done.reason === 'length' && done.shortenedBy !== null) return cutByBudget(done.shortenedBy);
  if (done.reason === 'length') return 'Cut at the longest answer this model may give.';
  return null;
}

/** The message when the answer is done. */
export function answeredReply(done: CallDone, { intro, isPrivate }: AnswerFrame): Reply {
  const end = endLine(done);
  const forgotten =
    done.droppedMessages > 0
      ? `The conversation has grown long: the oldest ${done.droppedMessages} messages no longer fit and were left out. /new starts over.`
      : null;
  return {
    text: lines(
      intro,
      done.text.trim() === '' ? italic('(The model had nothing to say.)') : answerText(done.text.trim()),
      end === null ? null : small(end),
      forgotten === null ? null : small(forgotten),
      small(
        `${done.modelTitle} v${done.versionNumber} · ${openAmount(done.priceNano)}${isPrivate ? ` · ${openAmount(done.availableNano)} left` : ''} · receipt ${done.receiptNumber}`,
      ),
      ...done.warnings.map((warning) => small(warningLine(warning, isPrivate))),
    ),
    buttons: answerButtons(done.callId),
  };
}
