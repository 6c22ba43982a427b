// 🔍 under an answer: who made it. Shows the top contributors with share, amount and the contribution it points to, what
// went to the fallback, what the version was trained on, its number and the receipt. Used by the 🔍 and "Look again" buttons.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provenance } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, lines, quote, rich, small } from '../core/rich-text.ts';
import { shownName, shownText } from '../core/sanitize-text.ts';
import { count, openAmount, percent } from '../core/words.ts';
import type { CommandContext } from './command-context.ts';

const TOP_SHOWN = 5;

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
  const entries = provenance.top
    .slice(0, TOP_SHOWN)
    .map(
      (each, i): RichText =>
        lines(
          rich(
            `${medals[i] ?? '•'} `,
            bold(shownName(each.pseudonym)),
            ` · ${percent(each.share)} · ${openAmount(each.amountNano)}`,
          ),
          quote(`${shownText(each.question, 160)}\n${shownText(each.answer, 240)}`),
        ),
    );
  return {
    text: lines(
      bold('Who made this answer?'),
      `${openAmount(provenance.dataPoolNano)} of the price went to the people behind its data.`,
      ...entries,
      entries.length === 0 && 'No single contribution stood out from the noise.',
      provenance.fallbackNano > 0n &&
        `The other ${openAmount(provenance.fallbackNano)} could not be traced to single contributions: shared by everyone whose data is in this version, each contribution by its weight.`,
      `${count(provenance.contributorsPaid, 'person was', 'people were')} paid.`,
      learntLine(provenance),
      footer,
    ),
    ephemeral: true,
  };
}

/** Attribution takes a second or two: whoever presses at once gets the shares, not a request to press again. */
const SOON_MS = 6_000;
const LOOK_EVERY_MS = 250;

async function attributedSoon({ marketplace }: CommandContext, callId: string): Promise<Provenance | null> {
  const until = Date.now() + SOON_MS;
  for (;;) {
    const provenance = await marketplace.provenance(callId);
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
