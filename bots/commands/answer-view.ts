// One answer as people see it: while it is written (with the quote) and when it is done (with the price and buttons).
// Used by answer-question.ts. Pure.
import type { CallDone, Quote } from '../../marketplace/marketplace.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { italic, lines, rich, small } from '../core/rich-text.ts';
import { answerText } from '../core/streaming-text.ts';
import { openAmount } from '../core/words.ts';
import { answerButtons } from './answer-buttons.ts';

const quoteLine = (quote: Quote | null): RichText | null =>
  quote === null
    ? null
    : rich(
        small(
          `up to ${openAmount(quote.ceilingNano)} · you have ${openAmount(quote.availableNano)} · pay only for what you get`,
        ),
      );

/** The message while the answer is being written. */
export const writingText = (soFar: string, quote: Quote | null, intro: RichText | null): RichText =>
  lines(intro, soFar === '' ? italic('Thinking…') : answerText(soFar), quoteLine(quote));

function endLine(done: CallDone): string | null {
  if (done.reason === 'cancelled') return 'You stopped it: you paid only for what stands here.';
  if (done.reason === 'length') return 'Cut at the longest answer this model may give.';
  return null;
}

/** The message when the answer is done. */
export function answeredReply(done: CallDone, intro: RichText | null): Reply {
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
        `${done.modelTitle} v${done.versionNumber} · ${openAmount(done.priceNano)} · ${openAmount(done.availableNano)} left · receipt ${done.receiptNumber}`,
      ),
    ),
    buttons: answerButtons(done.callId),
  };
}
