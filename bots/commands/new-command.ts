// /new: the model forgets what was said before in this conversation; the chosen model stays.
import type { Command } from '../core/command.ts';
import { lines } from '../core/rich-text.ts';
import type { CommandContext } from './command-context.ts';

export const newCommand: Command<CommandContext> = {
  definition: {
    name: 'new',
    description: 'Start over: the model forgets what was said before',
    options: [],
    onlyForYou: true,
  },
  lane: 'queued',
  async run(context) {
    const person = await context.person();
    await context.marketplace.newConversation(context.conversationKey, person);
    const model = await context.marketplace.chosenModel(context.conversationKey, person);
    await context.respond.reply({
      text: lines(
        'We start over: nothing said before is shown to the model any more.',
        model === null
          ? 'No model is chosen here yet: /models.'
          : `${model.title} stays chosen; your balance and receipts stay too.`,
      ),
      ephemeral: true,
    });
  },
};
