// /claim [amount]: what you earned, what stands in the claims tree, what your wallet can claim now and when the next epoch is;
// with an amount, paid-in OPEN goes back to the wallet with that epoch, until then it can be cancelled.
import type { AskBackResult, Claims } from '../../marketplace/payouts/claim-views.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { dateTime, openAmount } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';
import { CHAIN_REPLACED_WORDS, noChainReply, pageLink, shortAddress } from './wallet-words.ts';

type Known = Extract<Claims, { ok: true }>;

const NOT_CHANGED = bold(' Nothing was changed.');

/** "with the next epoch, at 7 Aug 2026, 14:03 UTC at the earliest" */
const whenNext = (nextEpochAt: Date, now: Date): string =>
  nextEpochAt > now
    ? `with the next epoch, ${dateTime(nextEpochAt)} at the earliest`
    : 'with the next epoch, within minutes';

async function claimsReply(context: CommandContext, first: RichText | null = null): Promise<Reply> {
  const claims = await context.marketplace.claims(await context.person());
  if (!claims.ok) return noChainReply;
  return {
    text: lines(
      first,
      first !== null && '',
      ...earnedWords(claims),
      ...onChainWords(claims),
      '',
      await pageLink(context, claims.wallet === null ? 'Link a wallet' : 'Claim on the wallet page'),
    ),
    buttons:
      claims.askedNano > 0n
        ? [[{ action: encodeAction('ask_back_no'), label: `Keep ${openAmount(claims.askedNano)} here` }]]
        : undefined,
    ephemeral: true,
  };
}

function earnedWords({
  wallet,
  earnedNano,
  trialNano,
  leastNano,
  askedNano,
  ownNano,
  nextEpochAt,
  isPosted,
}: Known) {
  const when = whenNext(nextEpochAt, new Date());
  const isEnough = earnedNano >= leastNano && earnedNano > 0n;
  return [
    rich('Earned and not yet paid out: ', bold(openAmount(earnedNano))),
    wallet === null && 'No wallet is linked, so nothing can be paid out; it waits for you here.',
    wallet !== null && isEnough && `It is paid out to your wallet ${when}.`,
    wallet !== null &&
      !isEnough &&
      earnedNano > 0n &&
      `It is paid out once it is ${openAmount(leastNano)} or more.`,
    trialNano > 0n &&
      `${openAmount(trialNano)} more came from answers that others got as a gift: nobody paid in for them, so it is not paid out.`,
    askedNano > 0n &&
      rich(
        'Asked back: ',
        bold(openAmount(askedNano)),
        ` goes to your wallet ${when}. Until then you may still spend it here.`,
      ),
    askedNano === 0n &&
      wallet !== null &&
      ownNano > 0n &&
      `Of what you paid in, ${openAmount(ownNano)} can go back to your wallet: /claim and an amount.`,
    !isPosted &&
      'Nobody here can post epochs at the moment: nothing moves on chain until an operator sees to it.',
  ];
}

function onChainWords({ wallet, onChain, nextNano, chainTrouble }: Known) {
  if (wallet === null) return [];
  if (onChain === null) return ['', chainTroubleWords(chainTrouble)];
  const { claimableNano, claimedNano, waiting, paused } = onChain;
  return [
    '',
    rich(bold('Your wallet '), code(shortAddress(wallet))),
    rich('To be claimed now: ', bold(openAmount(claimableNano))),
    waiting !== null &&
      (paused
        ? `${openAmount(waiting.amountNano)} more some time after the pause of the vault.`
        : `${openAmount(waiting.amountNano)} more from ${dateTime(waiting.activeAt)} on.`),
    nextNano > 0n && `${openAmount(nextNano)} more with the next epoch.`,
    claimedNano > 0n && `${openAmount(claimedNano)} claimed so far.`,
    paused && 'The vault is paused: nothing can be claimed until it goes on.',
  ];
}

function chainTroubleWords(trouble: Known['chainTrouble']): RichText {
  switch (trouble) {
    case 'chain_replaced':
      return rich(bold('Nothing can be claimed at the moment: '), CHAIN_REPLACED_WORDS);
    case 'foreign_root':
      return rich(
        'The vault does not stand where our books do; claims wait until an operator has looked. What is yours stays yours.',
      );
    default:
      return rich(
        'The chain cannot be reached at the moment. What is yours there stays yours; try again in a minute.',
      );
  }
}

function askBackWords(result: AskBackResult, typed: string): RichText {
  const amount = `“${shownText(typed, 40)}”`;
  if (result.ok) {
    if ('askedNano' in result)
      return rich(
        bold('Done.'),
        ` ${openAmount(result.askedNano)} of what you paid in goes to your wallet ${whenNext(result.nextEpochAt, new Date())}.`,
      );
    return result.cancelledNano > 0n
      ? rich(bold('Done.'), ` ${openAmount(result.cancelledNano)} stays here.`)
      : rich('Nothing was asked back, so there is nothing to cancel.');
  }
  switch (result.code) {
    case 'no_chain':
      return noChainReply.text;
    case 'no_wallet':
      return rich('No wallet is linked to which it could go; link one first.', NOT_CHANGED);
    case 'not_an_amount':
      return rich(
        `${amount} is not an amount of OPEN: write digits with a point, for example 0.5, or all, or none.`,
        NOT_CHANGED,
      );
    case 'too_many_decimals':
      return rich(`${amount} has too many decimals: OPEN has at most ${result.decimalsMax}.`, NOT_CHANGED);
    case 'too_large':
      return rich(`${amount} is more OPEN than there is.`, NOT_CHANGED);
    case 'balance_too_low':
      return rich(
        result.availableNano === 0n
          ? 'You have paid nothing in that could go back; a gift buys answers and cannot be withdrawn.'
          : `Only what you paid in can go back, and that is ${openAmount(result.availableNano)}.`,
        NOT_CHANGED,
      );
  }
}

async function askBackReply(context: CommandContext, typed: string): Promise<Reply> {
  const result = await context.marketplace.askBack(await context.person(), typed);
  return await claimsReply(context, askBackWords(result, typed));
}

/** "Keep it here" was pressed. */
export const keptReply = (context: CommandContext): Promise<Reply> => askBackReply(context, 'none');

export const claimCommand: Command<CommandContext> = {
  definition: {
    name: 'claim',
    description: 'What you earned, what your wallet can claim, and taking out what you paid in',
    options: [
      {
        name: 'amount',
        description: 'OPEN to take out of what you paid in, such as 0.5; all; none',
        required: false,
        rest: true,
      },
    ],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { amount = '' }) {
    await context.respond.reply(
      amount.trim() === '' ? await claimsReply(context) : await askBackReply(context, amount),
    );
  },
};
