// /refund: an operator gives back part or all of what an answer cost. It asks once more, for it cannot be undone; what was
// given back stands in the person's history and is told where the answer was given. Used as a command and by its button.
import type { RefundOffer, RefundRefusal } from '../../marketplace/refunds/refund-call.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, quote, rich } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { openAmount } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

/** An order as it was typed, waiting for its yes. */
export interface RefundDraft {
  readonly userKey: string;
  readonly receipt: string;
  readonly amount: string;
  readonly reason: string;
}

function refusalWords(refusal: RefundRefusal): string {
  switch (refusal.code) {
    case 'not_allowed':
      return 'Only the operators of this place give back what an answer cost. Was an answer wrong? 👎 and ✏️ under it help the next version.';
    case 'receipt_not_found':
      return 'I find no such receipt. Its number stands under the answer, such as R-000042.';
    case 'not_an_amount':
      return 'Write how much after the receipt: an amount of OPEN in digits with a point and no comma, such as 0.5, or all.';
    case 'reason_missing':
      return 'Write the reason last: the person reads it.';
    case 'reason_too_long':
      return `The reason may have ${refusal.charsMax} characters.`;
    case 'refund_above_price':
      if (refusal.ownEarnedNano !== undefined)
        return `Who asked earned ${openAmount(refusal.ownEarnedNano)} by this answer, as a contributor or the model’s creator, and keeps it: at most ${openAmount(refusal.refundableNano)} can be given back.`;
      return refusal.refundableNano === 0n
        ? 'Nothing is left to give back: all of it was given back before, or it cost nothing.'
        : `That is more than can be given back: the answer cost ${openAmount(refusal.priceNano)}, of which ${openAmount(refusal.refundableNano)} are left.`;
  }
}

const refusedReply = (refusal: RefundRefusal): Reply => ({
  text: rich(refusalWords(refusal), bold(' Nothing was given back.')),
  ephemeral: true,
});

function offerReply(offer: Extract<RefundOffer, { ok: true }>, draft: string): Reply {
  return {
    text: lines(
      rich(
        'Give back ',
        bold(openAmount(offer.refundNano)),
        ` of receipt ${offer.receiptNumber} to ${shownName(offer.pseudonym)}?`,
      ),
      `The answer cost ${openAmount(offer.priceNano)}; ${openAmount(offer.refundedBeforeNano)} of it were given back before. The marketplace pays; who earned by the answer keeps it. This cannot be undone.`,
      'The person will read:',
      quote(shownText(offer.reason, 200)),
    ),
    buttons: [
      [
        { action: encodeAction('refund_sure', draft), label: 'Yes, give it back', style: 'danger' },
        { action: encodeAction('refund_no', draft), label: 'No' },
      ],
    ],
    ephemeral: true,
  };
}

const userKeyOf = ({ source }: CommandContext): string => `${source.platform}:${source.userId}`;

/** One of the two buttons was pressed. */
export async function refundedReply(context: CommandContext, draftId: string, sure: boolean): Promise<Reply> {
  const draft = context.refundDrafts.take(draftId, userKeyOf(context));
  if (draft === null)
    return {
      text: lines('That order is gone: it was carried out, or I was restarted. /refund starts anew.'),
    };
  if (!sure) return { text: lines('All right: nothing was given back.') };
  const { receipt, amount, reason } = draft;
  const order = { operator: await context.person(), receipt, amount, reason };
  const result = await context.marketplace.refund(order, draftId).catch((fault: unknown) => {
    // Whether it was carried out is not known: a second press asks with the same key, which gives back once.
    context.refundDrafts.putBack(draftId, draft);
    throw fault;
  });
  if (!result.ok) return refusedReply(result);
  return {
    text: rich(
      bold(`${openAmount(result.refundNano)} were given back`),
      ` for receipt ${result.receiptNumber}. ${shownName(result.pseudonym)} is told.`,
    ),
    ephemeral: true,
  };
}

export const refundCommand: Command<CommandContext> = {
  definition: {
    name: 'refund',
    description: 'For operators: give back what an answer cost',
    options: [
      { name: 'receipt', description: 'Its number, such as R-000042', required: true },
      { name: 'amount', description: 'OPEN such as 0.5, or all', required: true },
      { name: 'reason', description: 'Why; the person reads it', required: true, rest: true },
    ],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { receipt = '', amount = '', reason = '' }) {
    const order = { operator: await context.person(), receipt, amount, reason };
    const offer = await context.marketplace.refundOffer(order);
    if (!offer.ok) {
      await context.respond.reply(refusedReply(offer));
      return;
    }
    const draft = context.refundDrafts.put({ userKey: userKeyOf(context), receipt, amount, reason });
    await context.respond.reply(offerReply(offer, draft));
  },
};
