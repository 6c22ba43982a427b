// "Why was I paid this?" in words: the way from the price to each of one's shares, line by line, with the rule for the odd
// nano; or why an answer paid one nothing. Used by /why. Pure.
import type { PaidLine, Why, WhyNotPaid } from '../../marketplace/statements/statement.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, rich, small } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count, openAmount, percent } from '../core/words.ts';

type Paid = Extract<Why, { ok: true }>;

/** More would bury the chat; the receipt has them all. */
const LINES_SHOWN = 10;

const WHY_NOT: Readonly<Record<WhyNotPaid, string>> = {
  no_contribution: 'It paid you nothing: you have no contribution in the datanet this model was trained on.',
  not_in_version:
    'It paid you nothing: your contributions are not in the version of the datanet that this model version was trained on. The next version takes those that are accepted.',
  retracted:
    'It paid you nothing: what you had in this version has been retracted, and what is retracted is not paid.',
  own_question:
    'It paid you nothing: you asked it yourself, and what one’s own questions measure for oneself goes to the other contributors.',
  under_floor:
    'It paid you nothing: your contributions are in the version, but the measured influence of others was the whole of this answer; yours stayed under the noise floor.',
  nothing_to_share: 'It paid nobody: the answer’s price left nothing for the data part.',
};

const ROLE_WORDS: Readonly<Record<Paid['roles'][number]['role'], string>> = {
  creator: 'As the model’s creator you got',
  node: 'This computer, as a node, got',
  platform: 'The marketplace itself got',
};

export function whyReply(why: Why, typed: string): Reply {
  if (!why.ok) {
    const words =
      why.code === 'no_receipt'
        ? `There is no receipt “${shownText(typed, 30)}”. Its number stands under each answer and in /history.`
        : 'That answer is still being attributed; it takes a few seconds. Ask again then: nothing is lost, the contributors’ part waits for it.';
    return { text: lines(words), ephemeral: true };
  }
  const { receiptNumber, model, version, capturedAt, lines: mine, roles, note } = why;
  return {
    text: lines(
      bold(
        mine.length === 0
          ? `Why receipt ${receiptNumber} paid you nothing`
          : `Why receipt ${receiptNumber} paid you ${openAmount(why.totalNano)}`,
      ),
      small(`${shownText(model, 80)} v${version}, ${capturedAt.slice(0, 16).replace('T', ' ')} UTC`),
      why.whyNot !== null && WHY_NOT[why.whyNot],
      ...(mine.length === 0 ? [] : paidLines(why)),
      ...roles.map(({ role, amountNano }) => `${ROLE_WORDS[role]} ${openAmount(amountNano)}.`),
      note !== null && `The receipt says: ${shownText(note, 200)}.`,
    ),
    buttons: [[{ action: encodeAction('receipt', receiptNumber), label: 'The receipt' }]],
    ephemeral: true,
  };
}

function paidLines(why: Paid) {
  const { priceNano, dataBps, poolNano, lines: mine, fallback, silent, noiseFloor } = why;
  const hidden = mine.length - LINES_SHOWN;
  return [
    `The answer cost ${openAmount(priceNano)}; ${percent(dataBps / 10_000)} of it, ${poolNano} nano (1e-9 OPEN), is the data’s part.`,
    ...mine.slice(0, LINES_SHOWN).map((line) => lineWords(line, poolNano, fallback)),
    hidden > 0 && `… and ${count(hidden, 'share')} more, all in the receipt.`,
    mine.length > 1 && rich('Together: ', bold(`${why.totalNano} nano = ${openAmount(why.totalNano)}`), '.'),
    silent > 0 &&
      `${count(silent, 'further contribution')} of yours in this version stayed under the noise floor (${noiseFloor}) in this answer.`,
    mine.some(({ odd }) => odd) &&
      'Every share is rounded down first; the nanos left over go, one each, to the largest remainders, and where those are equal the turn goes by the call’s id: nobody is favoured.',
  ];
}

function lineWords(line: PaidLine, poolNano: bigint, fallback: Paid['fallback']): string {
  const { kind, question, sharePpm, amountNano, wholeNano, restMillionths, odd } = line;
  const exact =
    restMillionths === 0
      ? `${wholeNano}`
      : `${wholeNano}.${String(restMillionths).padStart(6, '0').replace(/0+$/, '')}`;
  const rounded = odd ? ', and one of the odd nanos' : restMillionths === 0 ? '' : ', rounded down';
  const paid = `${exact}${rounded} → ${amountNano} nano`;
  return kind === 'influence'
    ? `• influence ${(sharePpm / 10_000).toFixed(4)} % of ${poolNano} = ${paid}: ${shownText(question ?? 'a contribution', 120)}`
    : `• shared part: what no contribution stood out for, ${fallback.totalNano} nano, of which your contributions weigh ${line.weight} in ${fallback.weights} = ${paid}`;
}
