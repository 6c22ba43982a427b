// /receipt [number]: the record of a paid answer, in lines for people and as the JSON that is stored.
import type { Command } from '../core/command.ts';
import { bold, code, lines } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import type { CommandContext } from './command-context.ts';

/** Longer ones would bury the chat; the summary stays. */
const JSON_CHARS_MAX = 3000;

export async function showReceipt(context: CommandContext, number: string | undefined): Promise<void> {
  const receipt = await context.marketplace.receipt({ person: await context.person(), number });
  if (receipt === null) {
    await context.respond.reply({
      text:
        number === undefined
          ? lines('You have no receipt yet: every paid answer gets one.')
          : lines(`You have no receipt “${shownText(number, 30)}”. /receipt alone shows your latest.`),
      ephemeral: true,
    });
    return;
  }
  await context.respond.reply({
    text: lines(
      bold(`Receipt ${receipt.number}`),
      ...receipt.summary,
      receipt.json.length <= JSON_CHARS_MAX && '',
      receipt.json.length <= JSON_CHARS_MAX && code(receipt.json),
    ),
    ephemeral: true,
  });
}

export const receiptCommand: Command<CommandContext> = {
  definition: {
    name: 'receipt',
    description: 'The receipt of an answer: price, shares, proof',
    options: [{ name: 'number', description: 'Which receipt; empty = your latest', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  run: (context, { number }) => showReceipt(context, number),
};
