// /history [page]: everything that came in and went out, newest first. Used as a command and by its paging buttons.
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import type { CommandContext } from './command-context.ts';
import { historyReply } from './history-view.ts';

/** @param typed a page number from 1; '' is the first */
export async function historyPageReply(context: CommandContext, typed: string): Promise<Reply> {
  const page = typed === '' ? 1 : /^[1-9]\d{0,5}$/.test(typed.trim()) ? Number(typed) : null;
  if (page === null) {
    return {
      text: rich(`“${shownText(typed, 20)}” is no page: /history 2 shows the second, /history the newest.`),
      ephemeral: true,
    };
  }
  return historyReply(await context.marketplace.history(await context.person(), page));
}

export const historyCommand: Command<CommandContext> = {
  definition: {
    name: 'history',
    description: 'What came in and went out, with reasons and receipts',
    options: [{ name: 'page', description: 'Which page; empty = the newest', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { page = '' }) {
    await context.respond.reply(await historyPageReply(context, page));
  },
};
