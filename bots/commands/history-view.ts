// A person's history in words: one line an event, and a page of it with buttons to older and newer ones. Used by /history
// and /balance. Pure.
import type { HistoryLine, HistoryPage } from '../../marketplace/read-history.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { dateTime, openAmount } from '../core/words.ts';
import { balanceButton } from './answer-buttons.ts';

const EARNED: Partial<Record<HistoryLine['purse'], string>> = {
  contributor: 'earned: your contributions answered',
  creator: 'earned: your model answered',
  node: 'earned: your computer answered',
};

function whatHappened({ kind, purse }: HistoryLine): string {
  switch (kind) {
    case 'capture':
    case 'split':
      return EARNED[purse] ?? 'answer';
    case 'grant':
      return 'starter grant';
    case 'deposit':
      return 'deposit';
    case 'payout':
      return 'on its way to your wallet, to claim there';
    case 'claim':
      return 'claimed';
    case 'refund':
      return 'given back';
    case 'correction':
      return 'correction';
    default:
      return 'transfer';
  }
}

/** "7 Aug 2026, 14:03 UTC · −0.002 OPEN · answer · receipt R-000042". */
export function historyLine(line: HistoryLine): string {
  const { at, amountNano, reason, receiptNumber } = line;
  return [
    dateTime(at),
    `${amountNano > 0n ? '+' : ''}${openAmount(amountNano)}`,
    whatHappened(line) + (reason === null ? '' : `: ${shownText(reason, 200)}`),
    receiptNumber === null ? null : `receipt ${receiptNumber}`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

export function historyReply({ lines: shown, page, hasOlder }: HistoryPage): Reply {
  const newer = { action: encodeAction('history', String(page - 1)), label: '‹ Newer' };
  const older = { action: encodeAction('history', String(page + 1)), label: 'Older ›' };
  return {
    text: lines(
      bold(page === 1 ? 'Your history' : `Your history, page ${page}`),
      ...shown.map(historyLine),
      shown.length === 0 &&
        (page === 1 ? 'Nothing yet: the first answer will stand here.' : 'That is all there is.'),
    ),
    buttons: [[...(page > 1 ? [newer] : []), ...(hasOlder ? [older] : []), balanceButton]],
    ephemeral: true,
  };
}
