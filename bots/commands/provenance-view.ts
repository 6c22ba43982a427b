// 🔍 under an answer: who made it. Shows the answer with the words that stand in contributions, the top contributors with
// share, amount and the contribution it points to, what went to the fallback and why, what the version was trained on, how
// sure all that is, and the receipt. Used by the 🔍 and "Look again" buttons. What was taken back shows no words.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provenance } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, lines, quote, rich, small } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { count, openAmount, percent } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

const TOP_SHOWN = 5;
const ALSO_SHOWN = 2;
/** A longer answer is not shown again with marks; its words are named one by one. */
const MARKED_CHARS_MAX = 500;

const medals = ['①', '②', '③', '④', '⑤'] as const;

const ROWS: Readonly<Record<Provenance['learntFrom'][number]['method'], readonly [string, string, string]>> =
  {
    sft: ['contribution', 'contributions', 'SFT'],
    dpo: ['correction', 'corrections', 'DPO'],
    orpo: ['correction', 'corrections', 'ORPO'],
    kto: ['vote', 'votes', 'KTO'],
  };

/** "This version learnt from 512 contributions (SFT), then 17 corrections (DPO)." */
function learntLine({ learntFrom }: Provenance): string | false {
  const parts = learntFrom.map(({ method, count: rows }) => {
    const [one, many, name] = ROWS[method];
    return `${count(rows, one, many)} (${name})`;
  });
  return parts.length > 0 && `This version learnt from ${parts.join(', then ')}.`;
}

function provenanceReply(provenance: Provenance): Reply {
  const footer = small(
    `${provenance.modelTitle} v${provenance.versionNumber} · receipt ${provenance.receiptNumber} (/receipt ${provenance.receiptNumber})`,
  );
  if (provenance.state === 'pending') {
    return {
      text: lines(
        bold('Who made this answer?'),
        'I am still working that out; it takes a few seconds. Nothing is lost: the contributors’ share waits for it.',
        footer,
      ),
      buttons: [
        [{ action: encodeAction('why_refresh', provenance.callId), label: 'Look again', style: 'primary' }],
      ],
      ephemeral: true,
    };
  }
  const { top, note, sentences, callId } = provenance;
  const whole = wholeAnswerIn(provenance);
  const entries = top
    .slice(0, TOP_SHOWN)
    .map((maker, rank) => makerEntry(maker, rank, maker.contributionId === whole));
  const marked = markedAnswer(provenance);
  return {
    text: lines(
      bold('Who made this answer?'),
      marked !== null && quote(marked),
      `${openAmount(provenance.dataPoolNano)} of the price went to the people behind its data.`,
      ...entries,
      top.some(({ question, takenBack }) => question === '' && !takenBack) &&
        small('What they wrote is shown to who asked: it would tell what was asked.'),
      entries.length === 0 && nothingTraced(note),
      ...alsoWordForWord(provenance),
      provenance.fallbackNano > 0n &&
        `The ${entries.length === 0 ? 'whole' : 'other'} ${openAmount(provenance.fallbackNano)} could not be traced to single contributions: shared by everyone whose data is in this version, each contribution by its weight.`,
      `${count(provenance.contributorsPaid, 'person was', 'people were')} paid.`,
      learntLine(provenance),
      marked !== null &&
        small(
          '①… in the answer: the words before it stand like that in this contribution. Who is paid is measured inside the model, not by matching words.',
        ),
      sureLine(provenance),
      footer,
    ),
    ...(sentences > 1
      ? { buttons: [[{ action: encodeAction('sentences', callId), label: 'Sentence by sentence' }]] }
      : {}),
    ephemeral: true,
  };
}

function makerEntry(maker: Provenance['top'][number], rank: number, saysAll: boolean): RichText {
  const { pseudonym, share, amountNano, question, answer, takenBack } = maker;
  return lines(
    rich(
      `${medals[rank] ?? '•'} `,
      bold(shownName(pseudonym)),
      ` · ${percent(share)} · ${openAmount(amountNano)}`,
    ),
    takenBack
      ? small('Taken back since: its words are shown to nobody, and later answers pay it nothing.')
      : question !== '' && quote(`${shownText(question, 160)}\n${shownText(answer, 240)}`),
    saysAll && small('The answer stands in this contribution word for word.'),
  );
}

const LETTER = /[\p{L}\p{N}]/u;

/** The contribution in which all words of the answer stand in one piece. */
function wholeAnswerIn({ answer, spans }: Provenance): string | null {
  const span = spans.find(({ start, end }) => !LETTER.test(answer.slice(0, start) + answer.slice(end)));
  return span?.contributionId ?? null;
}

/**
 * The answer with the number of a maker behind the words that stand in that contribution; null where there are none, and
 * where all of it stands in one, which is said there.
 */
function markedAnswer(provenance: Provenance): string | null {
  const { answer, spans, top } = provenance;
  if (answer.length > MARKED_CHARS_MAX || wholeAnswerIn(provenance) !== null) return null;
  let [shown, from] = ['', 0];
  for (const { contributionId, end } of spans) {
    const rank = rankOf(top, contributionId);
    if (rank === null) continue;
    shown += `${answer.slice(from, end)} ${medals[rank]}`;
    from = end;
  }
  return from === 0 ? null : shownText(`${shown}${answer.slice(from)}`, 2 * MARKED_CHARS_MAX);
}

function rankOf(top: Provenance['top'], contributionId: string): number | null {
  const rank = top.slice(0, TOP_SHOWN).findIndex((maker) => maker.contributionId === contributionId);
  return rank < 0 ? null : rank;
}

/** Words that stand in contributions which are not among those shown: told, since they are true, and paid nothing by it. */
function alsoWordForWord({ answer, spans, top }: Provenance): readonly RichText[] {
  return spans
    .filter(({ contributionId }) => answer.length > MARKED_CHARS_MAX || rankOf(top, contributionId) === null)
    .slice(0, ALSO_SHOWN)
    .map(({ text, pseudonym, contributions }) => {
      const others = contributions - 1;
      const more = others > 0 ? ` and in ${count(others, 'other contribution')}` : '';
      return rich(
        'Word for word: “',
        shownText(text.replace(/\s+/g, ' '), 120),
        '” stands in a contribution by ',
        bold(shownName(pseudonym)),
        `${more}.`,
      );
    });
}

/** A note says why; without one nothing rose above chance. */
const nothingTraced = (note: string | null): string =>
  note === null
    ? 'No single contribution stood out from the noise.'
    : `Nothing was traced to single contributions: ${shownText(note, 200)}.`;

function sureLine({ agreement, modelSlug }: Provenance): RichText | false {
  if (agreement === null) return false;
  const { value, low, high } = agreement;
  const likely = low === high ? '' : ` (likely ${low.toFixed(2)} to ${high.toFixed(2)})`;
  return rich(
    small(
      `How sure? Checked by retraining without some contributors: agreement ${value.toFixed(2)}${likely}, 0 is chance and 1 is always; more at /model ${modelSlug}.`,
    ),
  );
}

/** Attribution takes a second or two: whoever presses at once gets the shares, not a request to press again. */
const SOON_MS = 6_000;
const LOOK_EVERY_MS = 250;

async function attributedSoon(
  { marketplace, conversationKey }: CommandContext,
  callId: string,
): Promise<Provenance | null> {
  const until = Date.now() + SOON_MS;
  for (;;) {
    const provenance = await marketplace.provenance(callId, conversationKey);
    if (provenance?.state !== 'pending' || Date.now() > until) return provenance;
    await sleep(LOOK_EVERY_MS);
  }
}

/** Answers 🔍 with a message of its own, "Look again" in place. */
export async function showProvenance(
  context: CommandContext,
  callId: string,
  inPlace: boolean,
): Promise<void> {
  if (context.event.kind !== 'press') return;
  const provenance = await attributedSoon(context, callId);
  if (provenance === null) await context.respond.toast('I no longer find that answer in the books.');
  else if (inPlace) await context.respond.edit(context.event.message, provenanceReply(provenance));
  else await context.respond.reply(provenanceReply(provenance));
}
