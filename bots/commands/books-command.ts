// /books: the whole marketplace's money in a few lines, as last proved, for anybody who asks. It names nobody.
import type { PublicBooks } from '../../marketplace/books-verbs.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { count, dateTime, openAmount, percent } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

/** What the kinds of account are to people, in the order shown. */
const WORDS = [
  ['user', 'people’s balances'],
  ['user_grant', 'gifts to spend'],
  ['hold', 'set aside for answers being written'],
  ['call_pool', 'waiting to be shared among contributors'],
  ['contributor', 'earned by contributors'],
  ['creator', 'earned by model makers'],
  ['node', 'earned by compute nodes'],
  ['platform', 'earned by this place'],
  ['claimable', 'ready to be claimed on the chain'],
  ['dust', 'dust of rounding'],
] as const satisfies readonly (readonly [PublicBooks['totals'][number]['kind'], string])[];

function booksReply(books: PublicBooks | null): Reply {
  if (books === null)
    return {
      text: lines(
        'The books have not been proved yet: the first proof is made within a minute of the start.',
        'Ask again with /books.',
      ),
      ephemeral: true,
    };
  const { proof } = books;
  const places = WORDS.flatMap(([kind, words]) => {
    const total = books.totals.find((one) => one.kind === kind);
    return total === undefined || total.balanceNano === 0n
      ? []
      : [`• ${openAmount(total.balanceNano)} ${words}`];
  });
  return {
    text: lines(
      proof.ok
        ? rich('✅ ', bold('The books balance'), `: ${proof.rules} rules, no difference.`)
        : rich(
            '🚨 ',
            bold('The books do not balance'),
            `: ${proof.broken.length} of ${proof.rules} rules fail (${proof.broken.join(', ')}). Nothing is paid out until they hold; the operators know.`,
          ),
      `Proof ${proof.number}, ${dateTime(proof.at)}, one is made every night.`,
      rich('Its fingerprint: ', code(proof.hash.slice(0, 16))),
      '',
      bold('Up to that proof'),
      `• ${count(books.paidCalls, 'paid answer')} for ${openAmount(books.capturedNano)}`,
      `• ${openAmount(books.contributorsNano)} of it shared among contributors`,
      places.length > 0 && '',
      places.length > 0 && bold('Where it is'),
      ...places,
      '',
      bold('What stands behind it'),
      ...coverageLines(books),
    ),
    ephemeral: true,
  };
}

function coverageLines({
  owedNano,
  promisedNano,
  coinsNano,
  claimableNano,
}: PublicBooks): (string | false)[] {
  const promised =
    promisedNano > 0n &&
    `• ${openAmount(promisedNano)} are the operator’s promise: gifts that no coins stand behind yet.`;
  if (coinsNano === null)
    return [`• ${openAmount(owedNano)} owed; this place has no chain to ask for coins.`, promised];
  // Rounded down: what is not covered in full never reads as 100 %.
  const share = owedNano === 0n ? 1 : Math.min(1, Number((coinsNano * 1_000n) / owedNano) / 1_000);
  return [
    `• ${openAmount(coinsNano)} in the vault on the chain, ${percent(share)} of the ${openAmount(owedNano)} owed.`,
    promised,
    `• What can be claimed now, ${openAmount(claimableNano)}, is ${coinsNano >= claimableNano ? 'covered in full' : 'NOT covered'}.`,
  ];
}

export const booksCommand: Command<CommandContext> = {
  definition: {
    name: 'books',
    description: 'Do the books balance? All money of this place, as last proved',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run({ marketplace, respond }) {
    await respond.reply(booksReply(await marketplace.books()));
  },
};
