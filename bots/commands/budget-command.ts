// /budget [which] [amount]: what one spends at most per message, per day and per conversation, and changing it.
import type { SetBudgetResult } from '../../marketplace/budgets/set-budget.ts';
import type { Command } from '../core/command.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { BUDGET_NAMES, budgetsText } from './budget-words.ts';
import type { CommandContext } from './command-context.ts';

export async function budgetsReply(context: CommandContext, first: RichText | null = null): Promise<Reply> {
  const budgets = await context.marketplace.budgets(await context.person(), context.conversationKey);
  return { text: lines(first, first !== null && '', budgetsText(budgets)), ephemeral: true };
}

function complaint(refusal: Extract<SetBudgetResult, { ok: false }>, amount: string): string {
  const typed = `“${shownText(amount, 40)}”`;
  switch (refusal.code) {
    case 'unknown_budget':
      return 'I know three budgets: message, day and conversation. Write one of them first, for example /budget day 0.5.';
    case 'amount_missing':
      return `Write an amount too: /budget ${refusal.scope} 0.5, or none, or default.`;
    case 'not_an_amount':
      return `${typed} is not an amount of OPEN: write digits with a point and no comma, for example 0.5, or none, or default.`;
    case 'too_many_decimals':
      return `${typed} has too many decimals: OPEN has at most ${refusal.decimalsMax}.`;
    case 'too_large':
      return `${typed} is more OPEN than there is. For no limit write none.`;
  }
}

export const budgetCommand: Command<CommandContext> = {
  definition: {
    name: 'budget',
    description: 'What you spend at most: per message, per day, per conversation',
    options: [
      { name: 'which', description: 'message, day or conversation; empty = show all', required: false },
      {
        name: 'amount',
        description: 'OPEN at most, such as 0.5; none; default',
        required: false,
        rest: true,
      },
    ],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { which = '', amount = '' }) {
    if (which === '' && amount === '') {
      await context.respond.reply(await budgetsReply(context));
      return;
    }
    const result = await context.marketplace.setBudget(await context.person(), { which, amount });
    const first = result.ok
      ? rich(bold('Done.'), ` Your budget ${BUDGET_NAMES[result.scope]} is set.`)
      : rich(complaint(result, amount), bold(' Nothing was changed.'));
    await context.respond.reply(await budgetsReply(context, first));
  },
};
