// /start: who I am, what the gift is, which models there are, and the shortest way to a first answer.

import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shorten, shownName, shownText } from '../core/sanitize-text.ts';
import { openAmount } from '../core/words.ts';
import { helpButton, modelsButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';
import { pairs } from './model-view.ts';

const MODELS_SHOWN = 4;

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
    const [first] = models;
    const only = models.length === 1 ? first : undefined;
    const shown = only === undefined ? models.slice(0, MODELS_SHOWN) : [];
    const example = first?.exampleQuestions[0];
    await context.respond.reply({
      text: lines(
        rich('Hello ', bold(shownName(source.displayName)), '.'),
        'Here you talk to AI models that communities have made. An answer costs a little OPEN, and half of it goes to the very people whose data made that answer. 🔍 under an answer shows who they are.',
        '',
        person.isNew
          ? rich('A gift to begin with: ', bold(openAmount(balance.grantNano)), ' to spend on answers.')
          : rich('You have ', bold(openAmount(spendable(balance))), ' to spend.'),
        only !== undefined && rich('The model here is ', bold(only.title), '.'),
        shown.length > 0 && '',
        shown.length > 0 && 'You can talk to:',
        ...shown.map(({ title, description }) => rich('• ', bold(title), ` ${shownText(description, 120)}`)),
        models.length > shown.length && shown.length > 0 && '… and more: /models.',
        shown.length > 0 && '',
        source.isPrivate ? 'Just write a question.' : 'Ask with /ask, or mention me with your question.',
      ),
      buttons: [
        first !== undefined && example !== undefined
          ? [
              {
                action: encodeAction('example', first.slug),
                label: `Ask: ${shorten(example, 50)}`,
                style: 'primary',
              },
            ]
          : [modelsButton('Choose a model')],
        ...pairs(
          shown.map(({ slug, title }) => ({
            action: encodeAction('model', slug),
            label: shorten(title, 40),
          })),
        ),
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
