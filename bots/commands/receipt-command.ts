// /receipt [number]: the record of a paid answer, in lines for people and as the file that anybody can verify. One's own
// file holds the words of question and answer, so it is only ever shown where nobody else reads; somebody else's receipt,
// by its number, has hashes in their place.
import type { Command } from '../core/command.ts';
import { bold, code, lines, rich, small } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import type { CommandContext } from './command-context.ts';

const LINE_CHARS_MAX = 300;

export async function showReceipt(context: CommandContext, number: string | undefined): Promise<void> {
  const receipt = await context.marketplace.receipt({ person: await context.person(), number });
  if (receipt === null) {
    await context.respond.reply({
      text:
        number === undefined
          ? lines('You have no receipt yet: every paid answer gets one.')
          : lines(`There is no receipt “${shownText(number, 30)}”. /receipt alone shows your latest.`),
      ephemeral: true,
    });
    return;
  }
  const fileName = `receipt-${receipt.number}.json`;
  await context.respond.reply({
    text: lines(
      bold(`Receipt ${receipt.number}`),
      ...receipt.summary.map((line) => shownText(line, LINE_CHARS_MAX)),
      '',
      receipt.mine
        ? 'Its file holds your words and their salt: with them anybody can check what you asked and got, so keep it for yourself.'
        : 'This is somebody else’s receipt: the words stand in it only as hashes, people only by pseudonym.',
      rich('Check it yourself: ', code(`npm run -s verify -- ${fileName}`)),
      receipt.mine &&
        rich(
          'Where the model is, measure its shares again: ',
          code(`npm run -s attribute -- --receipt ${fileName}`),
        ),
    ),
    ephemeral: true,
  });
  const shown = await context.respond.showFile({
    text: receipt.json,
    fileName,
    caption: receipt.mine ? 'Your receipt, for your eyes' : 'The public form of this receipt',
  });
  if (shown) return;
  await context.respond.reply({
    text: lines(small('I do not send the file here, where others read: ask me for it in a private chat.')),
    ephemeral: true,
  });
}

export const receiptCommand: Command<CommandContext> = {
  definition: {
    name: 'receipt',
    description: 'The receipt of an answer: price, shares, proof, and a file to check',
    options: [{ name: 'number', description: 'Which receipt; empty = your latest', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  run: (context, { number }) => showReceipt(context, number),
};
