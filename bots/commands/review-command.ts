// /review: the next contribution that waits for another person's judgement, with Accept and Reject; a rejection asks
// for the reason by form. Used as a command and by the review buttons and form. Never one's own: the marketplace sees to it.
import type { ReviewItem, ReviewResult } from '../../marketplace/datanets/intake-views.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, lines, quote, rich, small } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { count, progressBar } from '../core/words.ts';
import { reviewButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

const REASON_CHARS_MAX = 300;

function itemReply(item: ReviewItem): Reply {
  return {
    text: lines(
      rich(
        bold('Is this right?'),
        ` · ${shownText(item.datanetTitle, 80)} · from ${shownName(item.pseudonym)}`,
      ),
      rich(bold('Question')),
      quote(shownText(item.question, 400)),
      rich(bold('Answer')),
      quote(shownText(item.answer, 1100)),
      small(`${item.waiting} waiting in all`),
    ),
    buttons: [
      [
        { action: encodeAction('accept', item.contributionId), label: '✓ Accept', style: 'success' },
        { action: encodeAction('reject', item.contributionId), label: '✗ Reject', style: 'danger' },
      ],
    ],
    ephemeral: true,
  };
}

const nothingWaits: Reply = {
  text: lines(
    'Nothing waits for your judgement right now (your own contributions are for others). /contribute adds something.',
  ),
  ephemeral: true,
};

/** The next item as a message. */
export async function nextReviewReply(context: CommandContext): Promise<Reply> {
  const item = await context.marketplace.nextReview(await context.person());
  return item === null ? nothingWaits : itemReply(item);
}

function resultText(result: ReviewResult): RichText {
  if (!result.ok) {
    const words = {
      own_contribution: 'That is your own contribution: somebody else has to judge it.',
      not_drawn: 'That one is for others to judge: /review gives you yours.',
      already_decided: 'Somebody else has decided on it meanwhile. Thank you all the same.',
      not_found: 'I no longer find that contribution.',
      reason_missing: 'A rejection needs a reason, so that its author can do better.',
    } as const;
    return lines(words[result.code]);
  }
  if (result.state === 'waiting')
    return lines(
      rich(bold('✓ Noted.'), ' Thank you.'),
      `${count(result.missing, 'other person has', 'other people have')} to agree before it is decided.`,
    );
  return lines(
    rich(bold(result.state === 'accepted' ? '✓ Accepted.' : '✗ Rejected.'), ' Thank you.'),
    result.trainingStarted
      ? bold(
          'That was the last one needed: the next version is being trained now. I will tell you how it goes.',
        )
      : `Next version: ${progressBar(result.newSinceVersion, result.neededForNextVersion)} ${result.newSinceVersion} of ${result.neededForNextVersion} new contributions`,
  );
}

const resultReply = (result: ReviewResult): Reply => ({
  text: resultText(result),
  buttons: [[reviewButton('Next one')]],
  ephemeral: true,
});

export async function acceptContribution(context: CommandContext, contributionId: string): Promise<void> {
  if (context.event.kind !== 'press') return;
  const result = await context.marketplace.review({
    person: await context.person(),
    contributionId,
    verdict: 'accept',
    conversationKey: context.conversationKey,
  });
  await context.respond.edit(context.event.message, resultReply(result));
}

export async function openRejectionForm({ respond }: CommandContext, contributionId: string): Promise<void> {
  await respond.openForm(
    {
      action: encodeAction('reject_reason', contributionId),
      title: 'Why reject it?',
      fields: [
        {
          id: 'reason',
          label: 'What is wrong with it?',
          placeholder: 'The answer is wrong: it is …',
          long: true,
          charsMin: 3,
          charsMax: REASON_CHARS_MAX,
        },
      ],
    },
    { action: encodeAction('reject', contributionId), label: '✗ Reject', style: 'danger' },
  );
}

/** The reason of a rejection has come. */
export async function rejectContribution(
  context: CommandContext,
  contributionId: string,
  reason: string,
): Promise<void> {
  const result = await context.marketplace.review({
    person: await context.person(),
    contributionId,
    verdict: 'reject',
    reason: shownText(reason, REASON_CHARS_MAX),
    conversationKey: context.conversationKey,
  });
  await context.respond.reply(resultReply(result));
}

export const reviewCommand: Command<CommandContext> = {
  definition: {
    name: 'review',
    description: 'Check what others contributed: accept or reject',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context) {
    await context.respond.reply(await nextReviewReply(context));
  },
};
