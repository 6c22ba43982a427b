// Budgets in words: how they stand, a warning under an answer, and the refusal where one is used up. Used by /budget,
// /balance, answer-view.ts and refusal-words.ts. Pure. In shared places amounts that are a person's own are left out.
import type { Budget, BudgetReached, BudgetScope, BudgetWarning } from '../../marketplace/budgets/budget.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { dateTime, openAmount } from '../core/words.ts';
import { budgetsButton, modelsButton } from './answer-buttons.ts';

export const BUDGET_NAMES: Readonly<Record<BudgetScope, string>> = {
  message: 'per message',
  day: 'for today',
  conversation: 'for this conversation',
};

const renewal = ({ scope, renewsAt }: Pick<Budget, 'scope' | 'renewsAt'>): string => {
  if (renewsAt !== null) return `It renews at ${dateTime(renewsAt)}.`;
  return scope === 'message' ? 'Every message has it anew.' : 'A new conversation (/new) has it anew.';
};

/** One line: "for today: 0.31 of 1 OPEN spent, 0.69 OPEN left". */
export function budgetLine(budget: Budget): string {
  const { scope, limitNano, spentNano, own } = budget;
  const name = `${BUDGET_NAMES[scope]}:`;
  const usual = own ? '' : ' (as for everybody)';
  if (scope === 'message') {
    return limitNano === null
      ? `${name} no limit${usual}`
      : `${name} at most ${openAmount(limitNano)}${usual}`;
  }
  if (limitNano === null) return `${name} no limit${usual}, ${openAmount(spentNano)} spent`;
  const leftNano = limitNano > spentNano ? limitNano - spentNano : 0n;
  return `${name} ${openAmount(spentNano)} of ${openAmount(limitNano)} spent, ${openAmount(leftNano)} left${usual}. ${renewal(budget)}`;
}

/** Said once a period under the answer that took a budget past four fifths. */
export function warningLine(warning: BudgetWarning, isPrivate: boolean): string {
  const { scope, spentNano, limitNano } = warning;
  const percent = (spentNano * 100n) / limitNano;
  const which = `your budget ${BUDGET_NAMES[scope]}`;
  if (!isPrivate) return `More than four fifths of ${which} are spent: /budget shows it.`;
  return `${percent} % of ${which} are spent (${openAmount(spentNano)} of ${openAmount(limitNano)}). /budget changes it.`;
}

/** Why an answer ended at its greatest length. */
export const cutByBudget = (scope: BudgetScope): string =>
  `Cut at the longest answer your budget ${BUDGET_NAMES[scope]} allows. /budget changes it.`;

export function budgetReachedReply(refusal: BudgetReached, isPrivate: boolean): Reply {
  const { scope, spentNano, limitNano, neededNano } = refusal;
  const stands =
    scope === 'message'
      ? rich(
          'Even the shortest answer could cost ',
          bold(openAmount(neededNano)),
          ' here, and your budget per message is ',
          isPrivate ? bold(openAmount(limitNano)) : 'less than that',
          '.',
        )
      : rich(
          `Your budget ${BUDGET_NAMES[scope]} is too small for another answer`,
          isPrivate
            ? rich(': ', bold(openAmount(spentNano)), ' of ', bold(openAmount(limitNano)), ' are spent')
            : null,
          `; the shortest answer could cost ${openAmount(neededNano)}. ${renewal(refusal)}`,
        );
  return {
    text: lines(
      stands,
      rich(
        bold('This cost nothing.'),
        ' To spend more, raise it: ',
        code(`/budget ${scope} <amount of OPEN>`),
        ', or ',
        code(`/budget ${scope} none`),
        ' for no limit.',
      ),
    ),
    buttons: [[budgetsButton, modelsButton('Other models')]],
    ephemeral: true,
  };
}

export function budgetsText(budgets: readonly Budget[]): RichText {
  return lines(
    bold('What you spend at most'),
    ...budgets.map((budget) => `• ${budgetLine(budget)}`),
    '',
    'An answer is shortened to fit, and refused where not even a short one would. Answers being written count with the most they can cost.',
    rich(
      'Set one: ',
      code('/budget day 0.5'),
      ', ',
      code('/budget message none'),
      ', ',
      code('/budget day default'),
      '.',
    ),
  );
}
