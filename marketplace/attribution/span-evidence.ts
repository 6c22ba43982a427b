// Which words of an answer stand word for word in contributions: what people see behind 🔍 as evidence. Never the measure of
// who is paid (see engine/attribution/spans/). Used by read-provenance.ts. Reads only.
// Rules: retracted contributions are hidden from the moment they are retracted; of overlapping spans the rarest is shown; a
// span is told of a contribution that was paid for this answer where it stands in one, else of the first accepted.
import { contributionsOfVersion } from '../../db/repositories/datanet-version-repository.ts';
import type { Call, ModelVersion } from '../../db/schema.ts';
import type { AnswerSpan, TextRange } from '../../engine/engine.ts';
import { readySpanIndex } from '../listings/ready-span-index.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export interface EvidenceSpan extends TextRange {
  readonly text: string;
  readonly contributionId: string;
  /** In so many contributions of the version the words stand, this one included. */
  readonly contributions: number;
}

/** Found before any are left out for overlapping. */
const SPANS_MAX = 12;
const CONTRIBUTIONS_MAX = 64;
/** The index of a version that nobody has looked at is still to be built: a look waits this long, the next one sees it. */
const WAIT_MS = 2_000;

/** @param paid contributions that were paid for the answer, largest share first */
export async function spanEvidence(
  market: Pick<MarketplaceContext, 'db' | 'engine' | 'dataDir' | 'log'>,
  call: Pick<Call, 'id' | 'answer'>,
  version: ModelVersion,
  paid: readonly string[],
): Promise<readonly EvidenceSpan[]> {
  if (call.answer === null || call.answer.trim() === '') return [];
  try {
    const indexDir = await inTime(readySpanIndex(market, version));
    if (indexDir === null) return [];
    const contributions = await contributionsOfVersion(market.db, version.datanetVersionId);
    const hiddenIds = contributions.flatMap(({ id, state }) => (state === 'accepted' ? [] : [id]));
    const spans = await market.engine.findSpans({
      ...{ indexDir, text: call.answer, hiddenIds },
      ...{ spansMax: SPANS_MAX, examplesMax: CONTRIBUTIONS_MAX },
    });
    return apart(spans).map(({ start, end, text, exampleIds }) => ({
      ...{ start, end, text, contributions: exampleIds.length },
      contributionId: paid.find((id) => exampleIds.includes(id)) ?? exampleIds[0],
    }));
  } catch (fault) {
    market.log.warn({ err: fault, callId: call.id }, 'an answer’s words could not be looked up');
    return [];
  }
}

async function inTime(building: Promise<string>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((done) => {
    timer = setTimeout(done, WAIT_MS, null);
  });
  building.catch(() => undefined); // told by whoever still waits
  try {
    return await Promise.race([building, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rarest first come, rarest first kept; then in the order of the answer. */
function apart(rarestFirst: readonly AnswerSpan[]): readonly AnswerSpan[] {
  const kept: AnswerSpan[] = [];
  for (const span of rarestFirst) {
    const overlaps = kept.some(({ start, end }) => span.start < end && start < span.end);
    if (span.exampleIds.length > 0 && !overlaps) kept.push(span);
  }
  return kept.sort((a, b) => a.start - b.start);
}
