// /start: who I am, what the gift is, and the shortest way to a first answer.

import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shorten, shownName } from '../core/sanitize-text.ts';
import { openAmount } from '../core/words.ts';
import { helpButton, modelsButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

export const startCommand: Command<CommandContext> = {
  definition: {
    name: 'start',
    description: 'Hello: what this is and how to begin',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context) {
    const { marketplace, source } = context;
    const person = await context.person();
    const balance = await marketplace.balance(person);
    const models = (await marketplace.models()).filter((model) => !model.retired);
    const only = models.length === 1 ? models[0] : undefined;
    const example = only?.exampleQuestions[0];
    await context.respond.reply({
      text: lines(
        rich('Hello ', bold(shownName(source.displayName)), '.'),
        'Here you talk to AI models that communities have made. An answer costs a little OPEN, and half of it goes to the very people whose data made that answer. 🔍 under an answer shows who they are.',
        '',
        person.isNew
          ? rich('A gift to begin with: ', bold(openAmount(balance.grantNano)), ' to spend on answers.')
          : rich('You have ', bold(openAmount(spendable(balance))), ' to spend.'),
        only !== undefined && rich('The model here is ', bold(only.title), '.'),
        source.isPrivate ? 'Just write a question.' : 'Ask with /ask, or mention me with your question.',
      ),
      buttons: [
        only !== undefined && example !== undefined
          ? [
              {
                action: encodeAction('example', only.slug),
                label: `Ask: ${shorten(example, 50)}`,
                style: 'primary',
              },
            ]
          : [modelsButton('Choose a model')],
        [
          only === undefined ? helpButton : modelsButton('About the model'),
          ...(only === undefined ? [] : [helpButton]),
        ],
      ],
      ephemeral: true,
    });
  },
};

/** What can be spent: own OPEN and the gift together. */
export const spendable = (balance: { readonly balanceNano: bigint; readonly grantNano: bigint }): bigint =>
  balance.balanceNano + balance.grantNano;
