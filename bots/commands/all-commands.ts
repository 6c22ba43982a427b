// All commands, in the order in which menus and help show them. Used by create-command-handler.ts and main.ts.
import type { Command } from '../core/command.ts';
import type { CommandDefinition } from '../core/platform.ts';
import { askCommand } from './ask-command.ts';
import { balanceCommand } from './balance-command.ts';
import { booksCommand } from './books-command.ts';
import { budgetCommand } from './budget-command.ts';
import { claimCommand } from './claim-command.ts';
import type { CommandContext } from './command-context.ts';
import { contributeCommand } from './contribute-command.ts';
import { datanetCommand } from './datanet-command.ts';
import { depositCommand } from './deposit-command.ts';
import { earningsCommand } from './earnings-command.ts';
import { createHelpCommand } from './help-command.ts';
import { historyCommand } from './history-command.ts';
import { modelCommand } from './model-command.ts';
import { modelsCommand } from './models-command.ts';
import { newCommand } from './new-command.ts';
import { receiptCommand } from './receipt-command.ts';
import { refundCommand } from './refund-command.ts';
import { reviewCommand } from './review-command.ts';
import { startCommand } from './start-command.ts';
import { trainingCommand } from './training-command.ts';
import { walletCommand } from './wallet-command.ts';
import { whyCommand } from './why-command.ts';
import { withdrawCommand } from './withdraw-command.ts';

export const commandDefinitions = (): readonly CommandDefinition[] =>
  allCommands.map(({ definition }) => definition);

export const allCommands: readonly Command<CommandContext>[] = [
  startCommand,
  createHelpCommand(commandDefinitions),
  modelsCommand,
  modelCommand,
  askCommand,
  newCommand,
  balanceCommand,
  budgetCommand,
  historyCommand,
  receiptCommand,
  earningsCommand,
  whyCommand,
  walletCommand,
  depositCommand,
  claimCommand,
  contributeCommand,
  reviewCommand,
  datanetCommand,
  trainingCommand,
  booksCommand,
  withdrawCommand,
  refundCommand,
];
