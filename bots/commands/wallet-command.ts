// /wallet [unlink]: which wallet is linked, the one-time link to the wallet page, and ending a link.
import type { Command } from '../core/command.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { dateTime } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';
import { noChainReply, notHereReply, pageLink } from './wallet-words.ts';

async function showWallet(context: CommandContext): Promise<void> {
  const state = await context.marketplace.wallet(await context.person());
  if (!state.ok) {
    await context.respond.reply(noChainReply);
    return;
  }
  if (!context.respond.hidesReplies) {
    await context.respond.reply(notHereReply('wallet'));
    return;
  }
  const { wallet, chain } = state;
  await context.respond.reply({
    text: lines(
      ...(wallet === null
        ? [
            bold('No wallet is linked yet.'),
            'With one you can deposit OPEN to spend here, and what you earn can be paid to it.',
          ]
        : [
            rich(bold('Your wallet '), code(wallet.address)),
            `Linked since ${dateTime(wallet.linkedAt)}. What you earn is paid to it with every epoch: /claim shows how much.`,
          ]),
      chain.isLocal &&
        'The chain here is for practice: its OPEN is worth nothing, and the page gives you some.',
      '',
      await pageLink(context, wallet === null ? 'Link a wallet' : 'Deposit, claim or link another one'),
      wallet !== null && '/wallet unlink ends the link.',
    ),
    ephemeral: true,
  });
}

async function unlink(context: CommandContext): Promise<void> {
  const result = await context.marketplace.unlinkWallet(await context.person());
  await context.respond.reply({
    text: result.ok
      ? lines(
          context.respond.hidesReplies
            ? rich(bold('Unlinked: '), code(result.address))
            : bold('Your wallet is unlinked.'),
          'Nothing more is paid to it, and its deposits are yours only with your reference. What it could claim before it still can.',
        )
      : lines('No wallet is linked, so there is nothing to unlink. /wallet links one.'),
    ephemeral: true,
  });
}

export const walletCommand: Command<CommandContext> = {
  definition: {
    name: 'wallet',
    description: 'Your wallet: link one, open its page, or unlink it',
    options: [{ name: 'what', description: 'unlink = end the link; empty = show it', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { what = '' }) {
    const wish = what.trim().toLowerCase();
    if (wish === '') return showWallet(context);
    if (wish === 'unlink') return unlink(context);
    await context.respond.reply({
      text: lines(
        `/wallet knows one word, unlink; “${shownText(what, 40)}” is none.`,
        rich(bold('Nothing was changed.'), ' /wallet alone shows your wallet.'),
      ),
      ephemeral: true,
    });
  },
};
