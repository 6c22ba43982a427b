// ✏️ under an answer: a form that asks what it should have been; the correction goes to the datanet as a contribution that
// others check, after the licence was agreed to once. Used by the ✏️ button, the form's answer, and contribute-command.ts
// for the consent. The form opens before any slow work: a platform gives it three seconds.
import type { CorrectResult } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Button, Reply } from '../core/platform.ts';
import { bold, italic, lines, quote, rich } from '../core/rich-text.ts';
import { shownText, typedText } from '../core/sanitize-text.ts';
import { count } from '../core/words.ts';
import { reviewButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

const ANSWER_CHARS_MAX = 600;

const formButton = (callId: string, label: string): Button => ({
  action: encodeAction('correct', callId),
  label,
  style: 'primary',
});

export async function openCorrectionForm({ respond }: CommandContext, callId: string): Promise<void> {
  await respond.openForm(
    {
      action: encodeAction('correction', callId),
      title: 'What should it have said?',
      fields: [
        {
          id: 'answer',
          label: 'The right answer, in your own words',
          placeholder: 'Lisbon is the capital of Portugal.',
          long: true,
          charsMin: 1,
          charsMax: ANSWER_CHARS_MAX,
        },
      ],
    },
    formButton(callId, 'Correct it'),
  );
}

/** What became of a correction, in words. */
export function correctionReply(result: CorrectResult, callId: string): Reply {
  const again = formButton(callId, 'Write it again');
  if (result.ok) {
    return {
      text: lines(
        rich(
          bold('Thank you: your correction is in.'),
          ` Other people now check it; ${count(result.waitingReview, 'contribution waits', 'contributions wait')} for that.`,
        ),
        'Once accepted, the next version learns it, learns to prefer it to the answer you got, and answers made of it pay you.',
      ),
      buttons: [[reviewButton()]],
      ephemeral: true,
    };
  }
  const refused = (words: string, buttons: readonly Button[] = []): Reply => ({
    text: lines(words),
    buttons: [buttons],
    ephemeral: true,
  });
  switch (result.code) {
    case 'duplicate':
      return {
        text: lines(
          'The datanet knows this already:',
          quote(shownText(result.existing, 300)),
          'Your correction is kept beside the answer: the next version learns to prefer it.',
        ),
        ephemeral: true,
      };
    case 'rejected_by_check':
      return {
        text: lines(
          rich('Not taken: ', shownText(result.reason, 300)),
          'Nothing was added. Change it and send it again.',
        ),
        buttons: [[again]],
        ephemeral: true,
      };
    case 'same_answer':
      return refused('That is what the answer says already. If it is right, press 👍.', [again]);
    case 'not_your_call':
      return refused('Only the person who asked can correct this answer. You can ask the same with /ask.');
    case 'not_found':
      return refused('I no longer find that answer in the books.');
    case 'unknown_datanet':
      return refused('The datanet of this model takes nothing any more.');
    case 'consent_missing':
      return refused('Without your consent I cannot take it. Nothing was stored.', [again]);
  }
}

/** The answer of the form has come. */
export async function takeCorrection(context: CommandContext, callId: string, raw: string): Promise<void> {
  const answer = typedText(raw, ANSWER_CHARS_MAX);
  if (!answer.ok) {
    const words =
      answer.code === 'empty'
        ? 'A correction needs the right answer.'
        : `Too long: a correction may have ${ANSWER_CHARS_MAX} characters, yours has ${answer.chars}.`;
    await context.respond.reply({
      text: lines(words, 'Nothing was added.'),
      buttons: [[formButton(callId, 'Write it again')]],
      ephemeral: true,
    });
    return;
  }
  const { conversationKey, source, respond } = context;
  const person = await context.person();
  const result = await context.marketplace.correct({ callId, person, answer: answer.text, conversationKey });
  if (result.ok || result.code !== 'consent_missing') {
    await respond.reply(correctionReply(result, callId));
    return;
  }
  const userKey = `${source.platform}:${source.userId}`;
  const draft = context.drafts.put({ kind: 'correction', userKey, callId, answer: answer.text });
  await respond.reply({
    text: lines(
      bold('Once, before your first contribution here:'),
      shownText(result.consentText, 1500),
      rich('Licence: ', bold(shownText(result.licence, 100))),
      '',
      italic(`Your correction, published with the question you asked: ${shownText(answer.text, 200)}`),
    ),
    buttons: [
      [
        { action: encodeAction('consent', draft), label: 'I agree: send it', style: 'success' },
        { action: encodeAction('decline', draft), label: 'No' },
      ],
    ],
    ephemeral: true,
  });
}
