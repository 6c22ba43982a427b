// /training: what is being trained, its curve as a picture, the line, and Cancel for who may. Used as a command and by the
// buttons of its page. Cancelling asks once more; a press by somebody else is refused with who may.
import type { CancelResult } from '../../marketplace/training-views.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { trainingsButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';
import { trainingsPage } from './training-view.ts';

const CAPTION_CHARS_MAX = 300;

export async function trainingsReply(context: CommandContext): Promise<Reply> {
  return trainingsPage(await context.marketplace.trainings(await context.person()));
}

/** Sends the curve of a run; says so while there is none. */
export async function showCurve(context: CommandContext, runId: string): Promise<void> {
  if (await sendCurve(context, runId)) return;
  await context.respond.toast('There is no curve yet: it begins with the first steps.');
}

async function sendCurve({ marketplace, respond }: CommandContext, runId: string): Promise<boolean> {
  const chart = await marketplace.trainingChart(runId);
  if (chart === null) return false;
  const caption = shownText(chart.caption, CAPTION_CHARS_MAX);
  await respond.showPicture({ png: chart.png(), fileName: 'training.png', caption, ephemeral: true });
  return true;
}

const goneReply: Reply = {
  text: lines('I no longer find that training.'),
  buttons: [[trainingsButton()]],
  ephemeral: true,
};

/** "Cancel" was pressed: are you sure? */
export async function cancelQuestion(context: CommandContext, runId: string): Promise<Reply> {
  const { active } = await context.marketplace.trainings(await context.person());
  const training = active.find((one) => one.runId === runId);
  if (training === undefined) return goneReply;
  // Whoever may not is told by the marketplace, which alone knows the rule.
  return {
    text: lines(
      rich('Cancel the training of ', bold(shownText(training.modelTitle, 80)), '?'),
      'What it has learnt is thrown away. The contributions stay accepted and go into the next training; the version that answers now goes on answering.',
    ),
    buttons: [
      [
        { action: encodeAction('training_cancel_sure', runId), label: 'Yes, cancel it', style: 'danger' },
        trainingsButton('No, let it run'),
      ],
    ],
    ephemeral: true,
  };
}

export async function cancelReply(context: CommandContext, runId: string): Promise<Reply> {
  const result = await context.marketplace.cancelTraining({ person: await context.person(), runId });
  return { text: lines(cancelWords(result)), buttons: [[trainingsButton()]], ephemeral: true };
}

function cancelWords(result: CancelResult): string {
  if (result.ok) return `Cancelled: ${shownText(result.modelTitle, 80)} is not trained any further.`;
  switch (result.code) {
    case 'not_found':
      return 'I no longer find that training.';
    case 'not_allowed':
      return `Only the datanet’s owner (${shownName(result.ownerPseudonym)}) and the operators of this place can cancel its training. It goes on.`;
    case 'already_ended':
      return `There was nothing to cancel: that training is over already (${result.state}).`;
  }
}

export const trainingCommand: Command<CommandContext> = {
  definition: {
    name: 'training',
    description: 'What is being trained: progress, curve and line',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context) {
    const trainings = await context.marketplace.trainings(await context.person());
    await context.respond.reply(trainingsPage(trainings));
    const running = trainings.active.find(({ state }) => state === 'running' || state === 'evaluating');
    if (running !== undefined) await sendCurve(context, running.runId);
  },
};
