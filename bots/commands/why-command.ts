// /why number: why an answer paid one what it paid, or nothing.
import type { Command } from '../core/command.ts';
import { lines } from '../core/rich-text.ts';
import type { CommandContext } from './command-context.ts';
import { whyReply } from './why-view.ts';

export const whyCommand: Command<CommandContext> = {
  definition: {
    name: 'why',
    description: 'Why an answer paid you what it paid: your share, line by line',
    options: [{ name: 'number', description: 'The receipt’s number', required: true }],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run({ marketplace, person, respond }, { number = '' }) {
    if (number.trim() === '') {
      await respond.reply({
        text: lines(
          'Which answer? /why with the number of its receipt, like /why R-000042; /earnings sums them all up.',
        ),
        ephemeral: true,
      });
      return;
    }
    await respond.reply(whyReply(await marketplace.whyPaid(await person(), number), number));
  },
};
