// /withdraw: what a person gave for training, and a button that takes all of it back. Used as a command and by its button.
import type { Given } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

function givenReply(given: readonly Given[]): Reply {
  if (given.length === 0) {
    return {
      text: lines(
        'You have agreed to nothing here: nothing of yours is trained on. /contribute asks before it takes anything.',
      ),
      ephemeral: true,
    };
  }
  return {
    text: lines(
      bold('What you gave for training'),
      ...given.map(({ datanetTitle, contributions, votes }) =>
        rich(
          bold(shownText(datanetTitle, 80)),
          ` · ${count(contributions, 'contribution')} · ${count(votes, 'vote')}`,
        ),
      ),
      '',
      'You may take it all back. Your contributions then leave the datanets and earn nothing more; they, your corrections and your votes are in no training that starts from now on.',
      'What was trained before, a training that runs at this moment included, stays as it is, and so does what you were paid.',
    ),
    buttons: [[{ action: encodeAction('withdraw_sure'), label: 'Take it all back', style: 'danger' }]],
    ephemeral: true,
  };
}

/** "Take it all back" was pressed. */
export async function withdrawnReply({ marketplace, person }: CommandContext): Promise<Reply> {
  const { datanets, contributions } = await marketplace.withdraw(await person());
  return {
    text: lines(
      datanets === 0 && contributions === 0
        ? 'There was nothing left to take back.'
        : `Taken back: ${count(contributions, 'contribution')}, and your consent for ${count(datanets, 'datanet')}. No training that starts from now on uses anything of yours.`,
    ),
    ephemeral: true,
  };
}

export const withdrawCommand: Command<CommandContext> = {
  definition: {
    name: 'withdraw',
    description: 'What you gave for training, and taking it back',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run({ marketplace, person, respond }) {
    await respond.reply(givenReply(await marketplace.given(await person())));
  },
};
