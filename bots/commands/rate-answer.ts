// 👍 and 👎: takes the vote, marks the button, says that it may be changed. Used by the buttons under an answer.

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
}
