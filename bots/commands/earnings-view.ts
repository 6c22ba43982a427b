// A statement of earnings in words: what came in by influence and by fallback, how it compares with the others, what has
// been paid out, and in which other roles something was earned. Used by /earnings and its buttons. Pure.
import type { Period, Statement } from '../../marketplace/statements/statement.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Button, Reply, RichText } from '../core/platform.ts';
import { bold, lines, rich, small } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count, openAmount, percent } from '../core/words.ts';
import { balanceButton } from './answer-buttons.ts';

export const PERIOD_WORDS: Readonly<Record<Period, string>> = {
  '7': 'the last 7 days',
  '30': 'the last 30 days',
  all: 'all time',
};

const PERIODS_SHOWN: readonly Period[] = ['7', '30', 'all'];

const ROLE_WORDS: Readonly<Record<Statement['roles'][number]['role'], string>> = {
  creator: 'As the creator of models',
  node: 'This computer, as a node',
  platform: 'The marketplace itself',
};

export function earningsReply(statement: Statement): Reply {
  const { period, contributor, roles, paidOutNano, waitingNano, trialNano, wallet } = statement;
  return {
    text: lines(
      bold(`Your earnings, ${PERIOD_WORDS[period]}`),
      ...contributorLines(statement),
      ...roles.map(
        ({ role, calls, grossNano }) =>
          `${ROLE_WORDS[role]}: ${openAmount(grossNano)} from ${count(calls, 'answer')}.`,
      ),
      roles.some(({ role }) => role !== 'creator') &&
        'What this computer and the marketplace earned is not in the next lines: it goes to the operator’s wallet (PLATFORM_WALLET), not to yours.',
      '',
      `Paid out to your wallet in this time: ${openAmount(paidOutNano)}. Earned and not paid out yet: ${openAmount(waitingNano)}.`,
      trialNano > 0n &&
        `${openAmount(trialNano)} more, in all, came from answers that others got as a gift (trial credit): nobody paid in for them, so it is not paid out.`,
      wallet === null
        ? 'No wallet is linked, so it waits here for you: /wallet links one.'
        : `Paid out to ${shownText(wallet.address, 42)} and not claimed yet: ${openAmount(wallet.claimableNano)}. /claim tells what of it is ready.`,
      contributor.calls > 0 &&
        small(
          '/why with a receipt’s number tells what one answer paid you and why; /earnings 30 csv gives a file.',
        ),
    ),
    buttons: [[...PERIODS_SHOWN.filter((other) => other !== period).map(periodButton), balanceButton]],
    ephemeral: true,
  };
}

function contributorLines({ contributor }: Statement): readonly (string | RichText)[] {
  const { calls, grossNano, influenceNano, influenceCalls, fallbackNano, meanShare, dustMicronano } =
    contributor;
  if (calls === 0)
    return ['No answer was made of your contributions in this time.', ...peerLines(contributor)];
  return [
    rich('Your contributions earned ', bold(openAmount(grossNano)), ` from ${count(calls, 'answer')}:`),
    `• ${openAmount(influenceNano)} by measured influence, in ${count(influenceCalls, 'answer')}`,
    `• ${openAmount(fallbackNano)} by the shared part: what no contribution stood out for`,
    `• on average ${percent(meanShare)} of an answer’s data part`,
    `• rounding to whole nano moved it by ${dust(dustMicronano)} nano in all`,
    ...peerLines(contributor),
    ...topLines(contributor),
  ];
}

function peerLines({ peers }: Statement['contributor']): readonly string[] {
  if (peers === null) return [];
  const { contributors, medianNano, earnedLess, datanets } = peers;
  if (contributors < 2) return [];
  const where = datanets === 1 ? 'the same datanet' : `the same ${datanets} datanets`;
  return [
    `Half of the ${count(contributors, 'contributor')} of ${where} earned ${openAmount(medianNano)} or less; ${earnedLess} of them earned less than you.`,
  ];
}

function topLines({ top }: Statement['contributor']): readonly (string | RichText)[] {
  if (top.length === 0) return [];
  return [
    '',
    rich(bold('What earned most')),
    ...top.map(
      ({ question, calls, amountNano }) =>
        `${openAmount(amountNano)} in ${count(calls, 'answer')}: ${shownText(question, 120)}`,
    ),
  ];
}

/** Millionths of a nano as nano: "+1.25", "−0.000001". */
function dust(micronano: bigint): string {
  const size = micronano < 0n ? -micronano : micronano;
  const decimals = (size % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
  const sign = micronano === 0n ? '' : micronano < 0n ? '−' : '+';
  return `${sign}${size / 1_000_000n}${decimals === '' ? '' : `.${decimals}`}`;
}

function periodButton(period: Period): Button {
  const label = period === 'all' ? 'All time' : `${period} days`;
  return { action: encodeAction('earnings', period), label };
}
