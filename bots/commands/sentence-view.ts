// 🔍 "Sentence by sentence": who made each sentence of an answer. Used by the button under 🔍. It measures on the spot (under a
// second once the model's store is in memory) and shows it where the answer stands. What is paid went by the whole answer.
import type { Marketplace } from '../../marketplace/marketplace.ts';
import type { Reply } from '../core/platform.ts';
import { bold, lines, quote, rich, small } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { percent } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

type Answer = Awaited<ReturnType<Marketplace['sentenceMakers']>>;
type Sentence = Extract<Answer, { ok: true }>['sentences'][number];

const NAMES_SHOWN = 3;
/** A share below this is not worth a name. */
const SHARE_MIN = 0.01;

const REFUSED: Readonly<Record<Extract<Answer, { ok: false }>['code'], string>> = {
  not_found: 'I no longer find that answer in the books.',
  pending: 'That answer is still being attributed; it takes a few seconds. Press again then.',
  not_measured:
    'Nothing of that answer could be traced to single contributions, so its sentences cannot either.',
};

/** "**amber-heron** 71 % · **ben** 12 % · not traced 17 %" */
function makersLine({ makers, untraced }: Sentence) {
  const named = makers.filter(({ share }) => share >= SHARE_MIN);
  if (named.length === 0) return rich('not traced to anybody');
  const hidden = named.slice(NAMES_SHOWN).reduce((sum, { share }) => sum + share, 0);
  return rich(
    ...named
      .slice(0, NAMES_SHOWN)
      .map(({ pseudonym, share }, i) =>
        rich(i > 0 && ' · ', bold(shownName(pseudonym)), ` ${percent(share)}`),
      ),
    hidden > 0 && ` · ${named.length - NAMES_SHOWN} more ${percent(hidden)}`,
    untraced >= SHARE_MIN && ` · not traced ${percent(untraced)}`,
  );
}

function sentencesReply(answer: Answer): Reply {
  if (!answer.ok) return { text: lines(REFUSED[answer.code]), ephemeral: true };
  return {
    text: lines(
      bold('Sentence by sentence'),
      ...answer.sentences.flatMap((sentence) => [
        quote(shownText(sentence.text.replace(/\s+/g, ' '), 300)),
        makersLine(sentence),
      ]),
      small(
        `Measured inside the model, over the words of each sentence. What was paid (receipt ${answer.receiptNumber}) goes by the whole answer.`,
      ),
    ),
    ephemeral: true,
  };
}

export async function showSentences(
  { marketplace, respond, conversationKey }: CommandContext,
  callId: string,
): Promise<void> {
  await respond.reply(sentencesReply(await marketplace.sentenceMakers(callId, conversationKey)));
}
