// /earnings [period] [file]: what one's contributions, models and machines earned, compared with the others; with csv or json
// as a file. Used as a command and by the buttons of its page.
import { PERIODS, type Period } from '../../marketplace/statements/statement.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { lines } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';
import { earningsReply, PERIOD_WORDS } from './earnings-view.ts';

const DEFAULT_PERIOD: Period = '30';

/** What people write: "7", "30 days", "all"; null for anything else. */
function periodOf(typed: string): Period | null {
  const word = typed
    .trim()
    .toLowerCase()
    .replace(/\s*d(ays)?$/, '');
  return Object.hasOwn(PERIODS, word) ? (word as Period) : null;
}

const formatOf = (typed: string): 'csv' | 'json' | null => {
  const word = typed.trim().toLowerCase();
  return word === 'csv' || word === 'json' ? word : null;
};

const misunderstood = (typed: string): Reply => ({
  text: lines(
    `I do not know the period “${shownText(typed, 30)}”.`,
    'Write /earnings 7, /earnings 30 or /earnings all, and csv or json behind it for a file: /earnings 30 csv.',
  ),
  ephemeral: true,
});

/** @param typed a period as people write it; '' is 30 days */
export async function earningsPage(context: CommandContext, typed: string): Promise<Reply> {
  const period = typed === '' ? DEFAULT_PERIOD : periodOf(typed);
  if (period === null) return misunderstood(typed);
  return earningsReply(await context.marketplace.earnings(await context.person(), period));
}

async function sendFile(context: CommandContext, period: Period, format: 'csv' | 'json'): Promise<void> {
  const { marketplace, respond } = context;
  const file = await marketplace.earningsFile(await context.person(), { period, format });
  const caption = `Your earnings, ${PERIOD_WORDS[period]}: ${count(file.shares, 'share')}${file.cut ? ', the newest only' : ''}`;
  if (await respond.showFile({ text: file.text, fileName: file.fileName, caption })) return;
  await respond.reply({
    text: lines('I do not send the file here, where others read: ask me for it in a private chat.'),
    ephemeral: true,
  });
}

export const earningsCommand: Command<CommandContext> = {
  definition: {
    name: 'earnings',
    description: 'What you earned: by influence and shared part, compared, paid out',
    options: [
      { name: 'period', description: '7, 30 (days) or all; empty = 30', required: false },
      { name: 'file', description: 'csv or json, to get it as a file', required: false },
    ],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { period = '', file = '' }) {
    // "/earnings csv" means the file of the usual period.
    const format = formatOf(file) ?? formatOf(period);
    const typed = formatOf(period) === null ? period : '';
    const wanted = typed === '' ? DEFAULT_PERIOD : periodOf(typed);
    if (wanted === null || (file !== '' && formatOf(file) === null)) {
      await context.respond.reply(misunderstood(wanted === null ? typed : file));
      return;
    }
    await context.respond.reply(await earningsPage(context, wanted));
    if (format !== null) await sendFile(context, wanted, format);
  },
};
