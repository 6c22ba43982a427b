// /help: everything in plain words, made from the command definitions so that it cannot go stale.
import type { Command } from '../core/command.ts';
import type { CommandDefinition, Reply } from '../core/platform.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { balanceButton, modelsButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

/** The help page of a set of commands. */
export function helpReply(definitions: readonly CommandDefinition[]): Reply {
  return {
    text: lines(
      bold('How it works'),
      '1. Choose a model. Its page shows the price, who made it and how well it was tested.',
      '2. Write a question. Before the answer you see the most it can cost; Stop ends it at any time, and you pay only for what you got.',
      '3. Half of the price goes to the people whose data made the answer: 🔍 shows them. 👍 and 👎 help the next version, 🔁 asks again.',
      '4. Add what you know with /contribute and check what others added with /review. When enough has come together, a better version is trained, and it pays you too.',
      'If something goes wrong, it costs nothing.',
      '',
      bold('Commands'),
      ...definitions.map(({ name, description, options }) =>
        rich(
          code(
            `/${name}${options.map((option) => ` ${option.required ? option.name : `[${option.name}]`}`).join('')}`,
          ),
          ` ${description}`,
        ),
      ),
    ),
    buttons: [[modelsButton(), balanceButton]],
    ephemeral: true,
  };
}

/** The command, told of all definitions (its own included) by the list it stands in. */
export const createHelpCommand = (all: () => readonly CommandDefinition[]): Command<CommandContext> => ({
  definition: { name: 'help', description: 'How it works, in plain words', options: [], onlyForYou: true },
  lane: 'immediate',
  async run({ respond }) {
    await respond.reply(helpReply(all()));
  },
});
