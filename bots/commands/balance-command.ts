// /balance: what can be spent, what is a gift, what is set aside, what was earned, and the latest entries.
import type { Balance } from '../../marketplace/marketplace.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { openAmount } from '../core/words.ts';
import { budgetsButton, historyButton } from './answer-buttons.ts';
import { budgetLine } from './budget-words.ts';
import type { CommandContext } from './command-context.ts';
import { historyLine } from './history-view.ts';
import { spendable } from './start-command.ts';

const ENTRIES_SHOWN = 5;

export function balanceReply(balance: Balance): Reply {
  const recent = balance.recent.slice(0, ENTRIES_SHOWN);
  return {
    text: lines(
      rich('You have ', bold(openAmount(spendable(balance))), ' to spend.'),
      balance.grantNano > 0n &&
        `• ${openAmount(balance.grantNano)} of it is a gift: it buys answers, it cannot be withdrawn.`,
      balance.heldNano > 0n &&
        `• ${openAmount(balance.heldNano)} more is set aside for an answer being written.`,
      balance.earnedNano > 0n
        ? `• ${openAmount(balance.earnedNano)} earned and not paid out yet. ${balance.claimableNano === null ? 'Link a wallet with /wallet to be paid.' : '/claim tells when it goes to your wallet.'}${trialWords(balance)}`
        : (balance.claimableNano ?? 0n) === 0n &&
            '• Nothing earned yet: /contribute what you know, and answers made of it pay you.',
      balance.claimableNano !== null &&
        balance.claimableNano > 0n &&
        `• ${openAmount(balance.claimableNano)} more is paid out to your wallet: /claim tells what of it you can claim now.`,
      `• Your budget ${budgetLine(balance.today)}`,
      recent.length > 0 && '',
      recent.length > 0 && bold('Latest'),
      ...recent.map(historyLine),
    ),
    buttons: [[budgetsButton, historyButton]],
    ephemeral: true,
  };
}

/** Somebody's gift bought those answers; nobody paid in for them. */
const trialWords = ({ trialNano }: Balance): string =>
  trialNano > 0n
    ? ` ${openAmount(trialNano)} of it came from answers that others got as a gift: it stays here.`
    : '';

export const balanceCommand: Command<CommandContext> = {
  definition: {
    name: 'balance',
    description: 'What you have, what you earned, what you spent',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context) {
    await context.respond.reply(balanceReply(await context.marketplace.balance(await context.person())));
  },
};
