// 👍 and 👎: takes the vote, marks the button, says that it may be changed; the first vote asks whether votes may train.
// Used by the buttons under an answer and by the answer to that question.
import type { ConsentWanted } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { MessageRef, Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { answerButtons, type Vote } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

export async function rateAnswer(context: CommandContext, callId: string, vote: Vote): Promise<void> {
  if (context.event.kind !== 'press') return;
  const { respond, event } = context;
  const result = await context.marketplace.rate({
    callId,
    person: await context.person(),
    value: vote === 'up' ? 1 : -1,
  });
  if (!result.ok) {
    await respond.toast(
      result.code === 'not_your_call'
        ? 'Only the person who asked can rate this answer. You can ask the same with /ask.'
        : 'I no longer find that answer in the books.',
    );
    return;
  }
  const [sign, other] = vote === 'up' ? ['👍', '👎'] : ['👎', '👍'];
  await respond.toast(`Your vote is ${sign}. Press ${other} to change it.`);
  await respond.editButtons(event.message, answerButtons(callId, vote));
  if (result.consentWanted !== null) await respond.reply(consentReply(result.consentWanted));
}

const consentReply = ({ datanetSlug, licence, consentText }: ConsentWanted): Reply => ({
  text: lines(
    bold('May your votes train the next version?'),
    'Your vote is counted either way. This is asked once. To say yes is to say:',
    shownText(consentText, 1500),
    rich('Licence: ', bold(shownText(licence, 100))),
  ),
  buttons: [
    [
      { action: encodeAction('vote_consent', datanetSlug), label: 'Yes, they may', style: 'success' },
      { action: encodeAction('vote_decline'), label: 'No' },
    ],
  ],
  ephemeral: true,
});

/** "Yes, they may" or "No" was pressed under that question. */
export async function decideVoteConsent(
  { marketplace, person, respond }: CommandContext,
  datanetSlug: string | null,
  message: MessageRef,
): Promise<void> {
  const agreed = datanetSlug !== null && (await marketplace.consent(await person(), datanetSlug));
  await respond.edit(message, {
    text: lines(
      agreed
        ? 'Thank you: your votes train the next version, until you take that back with /withdraw. ✏️ under an answer says what it should have been.'
        : 'All right: your votes count, and train nothing.',
    ),
  });
}
