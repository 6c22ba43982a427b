// Words and the one-time link that /wallet and /deposit share. The link opens a page on which one acts for the person, so it
// is shown only where an answer is sure to be theirs alone. Pure but for asking the marketplace for the link.
import type { Reply, RichText } from '../core/platform.ts';
import { bold, lines, link, rich } from '../core/rich-text.ts';
import { dateTime } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

export const noChainReply: Reply = {
  text: lines(
    'This place has no chain: there are no wallets, deposits and claims here.',
    rich(bold('This cost nothing.'), ' Everything else works: /balance shows what you have to spend.'),
  ),
  ephemeral: true,
};

/** For everybody; what to do is the operator's, whom the start of the program tells the same. */
export const CHAIN_REPLACED_WORDS =
  'the practice chain here was deleted or replaced while the books were kept, so practice OPEN that lay on it is on no chain any more. Asking goes on, and what the books say is yours stays spendable. Whoever runs this place: stop the program, then put the folder “chain” of the data folder back, or delete the folders “chain” and “postgres” together, which begins anew with everything.';

/** The place to which news of the person's money may go: this chat, where nobody else reads. */
export const privatePlace = ({ source, conversationKey }: CommandContext) =>
  source.isPrivate ? conversationKey : null;

/** "0x1234…abcd": enough to know an address by. */
export const shortAddress = (address: string): string => `${address.slice(0, 6)}…${address.slice(-4)}`;

/** For places where others may read: an address or a reference once seen there tells all its deposits and claims for ever. */
export const notHereReply = (command: string): Reply => ({
  text: rich(
    'Your wallet and your deposits are for you alone, and others read here. ',
    bold(`Write /${command} to me in a private chat.`),
  ),
  ephemeral: true,
});

/** The link to the person's wallet page, or why there is none here. @param what the page is wanted for */
export async function pageLink(context: CommandContext, what: string): Promise<RichText> {
  const { marketplace, source, respond, walletPageUrl } = context;
  if (walletPageUrl === null) return rich('The wallet page is not served here: ask who runs this place.');
  if (!respond.hidesReplies) {
    return rich(
      'The link to your wallet page is for you alone, and others read here. ',
      bold('Write /wallet to me in a private chat.'),
    );
  }
  const made = await marketplace.walletLink({
    person: await context.person(),
    platform: source.platform,
    privatePlace: privatePlace(context),
  });
  if (!made.ok) return noChainReply.text;
  return lines(
    rich(
      bold(what),
      ` with this link. It is yours alone, opens once and only until ${dateTime(made.expiresAt)}:`,
    ),
    link(`${walletPageUrl}#${made.token}`),
  );
}
