// /deposit [resume]: how to deposit OPEN, what is on its way with the blocks that hold it, and what was credited lately. For
// operators: resume, after the watcher stopped because the chain contradicted itself or the books.
import type { Deposits, DepositView, ResumeResult } from '../../marketplace/wallets/wallet-views.ts';
import type { Command } from '../core/command.ts';
import { bold, code, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { count, dateTime, openAmount } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';
import {
  CHAIN_REPLACED_WORDS,
  noChainReply,
  notHereReply,
  pageLink,
  privatePlace,
  shortAddress,
} from './wallet-words.ts';

const CREDITED_SHOWN = 3;

function depositWords({ state, amountNano, blocks, blocksNeeded, seenAt, txHash }: DepositView): string {
  const rest = `${openAmount(amountNano)} · ${dateTime(seenAt)} · transaction ${shortAddress(txHash)}`;
  switch (state) {
    case 'pending':
      return `⏳ ${rest} · ${blocksNeeded === null ? count(blocks, 'block') : `${blocks} of ${count(blocksNeeded, 'block')}`}`;
    case 'credited':
      return `✓ ${rest}`;
    case 'too_small':
      return `✗ ${rest} · less than the smallest amount here, so not credited`;
    case 'lost':
      return `✓ ${rest} · credited; the chain has dropped its block since, an operator knows`;
  }
}

function depositsWords({ deposits, stopped }: Deposits) {
  const pending = deposits.filter(({ state }) => state === 'pending');
  const done = deposits.filter(({ state }) => state !== 'pending').slice(0, CREDITED_SHOWN);
  return [
    stopped === 'chain_replaced' &&
      rich(bold('Nothing can be deposited at the moment: '), CHAIN_REPLACED_WORDS),
    stopped === 'contradiction' &&
      rich(
        bold('Nothing is credited at the moment: '),
        'the chain contradicts itself, and an operator has to look. No deposit is lost; it is credited afterwards.',
      ),
    pending.length > 0 && bold('On its way'),
    ...pending.map(depositWords),
    done.length > 0 && bold('Lately'),
    ...done.map(depositWords),
    deposits.length === 0 && 'No deposit of yours has been seen yet.',
  ];
}

async function showDeposits(context: CommandContext): Promise<void> {
  const person = await context.person();
  const found = await context.marketplace.deposits({ person, privatePlace: privatePlace(context) });
  if (!found.ok) {
    await context.respond.reply(noChainReply);
    return;
  }
  if (!context.respond.hidesReplies) {
    await context.respond.reply(notHereReply('deposit'));
    return;
  }
  await context.respond.reply({
    text: lines(
      await pageLink(context, 'Deposit OPEN'),
      found.chain.isLocal &&
        'The chain here is for practice: the page makes you a wallet and gives you OPEN to try it with.',
      '',
      bold('Or by hand'),
      rich('Call ', code('deposit(amount, ref)'), ' of the vault, from any wallet, with your reference:'),
      rich('chain ', code(String(found.chain.chainId))),
      rich('vault ', code(found.chain.vault)),
      rich('your reference ', code(found.reference)),
      'A plain transfer to the vault carries no reference and is credited to nobody.',
      '',
      ...depositsWords(found),
    ),
    ephemeral: true,
  });
}

function resumeWords(result: ResumeResult): string {
  if (result.ok) {
    const lost =
      result.lostDeposits === 0
        ? 'No deposit that was credited is missing on it.'
        : `${count(result.lostDeposits, 'credited deposit')} of ${openAmount(result.lostNano)} in all ${result.lostDeposits === 1 ? 'is' : 'are'} missing on it. They stay credited: correct the books where the coins do not come back.`;
    return `Crediting goes on with the chain as it is now. ${lost} The alarm was: ${shownText(result.alarm, 300)}.`;
  }
  switch (result.code) {
    case 'not_allowed':
      return 'Only the operators of this place can do that. Nothing was changed.';
    case 'chain_replaced':
      return `That is no help here. ${CHAIN_REPLACED_WORDS} Nothing was changed.`;
    case 'no_alarm':
      return 'There is no alarm: deposits are being credited. Nothing was changed.';
    case 'chain_away':
      return 'The chain cannot be reached at the moment. Nothing was changed; try again in a minute.';
    case 'no_chain':
      return 'This place has no chain. Nothing was changed.';
  }
}

export const depositCommand: Command<CommandContext> = {
  definition: {
    name: 'deposit',
    description: 'Pay in OPEN: how, what is on its way, what was credited',
    options: [{ name: 'what', description: 'For operators: resume; empty = show deposits', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { what = '' }) {
    const wish = what.trim().toLowerCase();
    if (wish === '') return showDeposits(context);
    const words =
      wish === 'resume'
        ? resumeWords(await context.marketplace.resumeDeposits(await context.person()))
        : `/deposit takes no amount: “${shownText(what, 40)}” was not used. Choose the amount in your wallet; /deposit alone tells how.`;
    await context.respond.reply({ text: lines(words), ephemeral: true });
  },
};
