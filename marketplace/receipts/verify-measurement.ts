// What a receipt of schema 3 says about its measurement, checked against itself: kinds add up to the whole, alpha follows from
// the losses, nothing is paid that was not measured, and whatever was paid otherwise than measured says why. Used by
// verify-receipt.ts. Pure: it needs neither the gradient store nor the model; measuring again is attribution/attribute-cli.ts.
import { PPM } from '../split-price.ts';
import { combinationOf, TOP_MAX } from './measurement.ts';
import { RECEIPT_SCHEMA, type ReceiptAttribution, type ReceiptBody } from './receipt-body.ts';
import { check, type ReceiptCheck } from './receipt-check.ts';

/** None for receipts of schema 2 and for those that wait for their attribution. */
export function measurementChecks({ schema, attribution }: ReceiptBody): readonly ReceiptCheck[] {
  if (schema !== RECEIPT_SCHEMA || attribution === null) return [];
  const { shares, combinationPpm, measurement } = attribution;
  const kinds = check('shares by kind', spelled(combinationPpm), spelled(combinationOf(shares)));
  if (measurement === undefined || measurement === null) return [kinds, unmeasuredCheck(attribution)];
  return [kinds, ...alphaChecks(attribution), ...topChecks(attribution), ...paidChecks(attribution)];
}

const spelled = (kinds: ReceiptAttribution['combinationPpm']): string =>
  kinds === undefined
    ? 'none'
    : `influence ${kinds.influence}, retrieval ${kinds.retrieval}, fallback ${kinds.fallback} ppm`;

const tracedPpm = ({ shares }: ReceiptAttribution): number =>
  shares.reduce((sum, { kind, sharePpm }) => sum + (kind === 'fallback' ? 0 : sharePpm), 0);

function unmeasuredCheck(attribution: ReceiptAttribution): ReceiptCheck {
  const traced = tracedPpm(attribution);
  const ok = traced === 0 && attribution.note !== null && attribution.storeHash === '';
  return {
    what: 'reason of the equal split',
    ok,
    detail: ok ? `${attribution.note}` : `${traced} ppm by influence without a measurement or a reason`,
  };
}

/** α = clip((L_base − L_adapter) / L_base, 0, 1), rounded down to whole parts per million. */
function alphaChecks({ alphaPpm, measurement }: ReceiptAttribution): readonly ReceiptCheck[] {
  const { baseNll = null, adapterNll = null } = measurement ?? {};
  if (baseNll === null || adapterNll === null) return [];
  const part = baseNll > 0 ? Math.min(1, Math.max(0, (baseNll - adapterNll) / baseNll)) : 0;
  return [check('part that the adapter explains', String(alphaPpm), String(Math.floor(part * PPM)))];
}

/** The largest measured shares: in order, and no more than the whole that was measured. */
function topChecks({ alphaPpm, measurement }: ReceiptAttribution): readonly ReceiptCheck[] {
  if (measurement === undefined || measurement === null) return [];
  const { top, count, totalPpm } = measurement;
  const sum = top.reduce((so, { sharePpm }) => so + sharePpm, 0);
  const listed = top.every(({ sharePpm }, i) => sharePpm > 0 && (i === 0 || top[i - 1].sharePpm >= sharePpm));
  const whole = count > top.length ? sum < totalPpm : sum === totalPpm;
  return [
    check('measured shares listed', String(top.length), String(Math.min(count, TOP_MAX))),
    {
      what: 'measured shares',
      ok: listed && whole && totalPpm <= alphaPpm + 1, // all are rounded down; alpha may lose one more
      detail: `${sum} ppm in ${top.length}, ${totalPpm} in all ${count}, alpha ${alphaPpm}`,
    },
  ];
}

function paidChecks(attribution: ReceiptAttribution): readonly ReceiptCheck[] {
  const { measurement, shares } = attribution;
  if (measurement === undefined || measurement === null) return [];
  const paidTo = (contribution: string): number =>
    shares.reduce((sum, share) => sum + (share.contribution === contribution ? share.sharePpm : 0), 0);
  const odd = measurement.top.find(
    ({ contribution, sharePpm, paidPpm, why }) =>
      paidPpm !== paidTo(contribution) || (why === null) !== (paidPpm === sharePpm),
  );
  const traced = tracedPpm(attribution);
  return [
    {
      what: 'nothing paid that was not measured',
      // Each measured share was rounded down by less than one; shares of copies are summed before they are.
      ok: traced <= measurement.totalPpm + measurement.count && traced <= attribution.alphaPpm + 1,
      detail: `${traced} of ${measurement.totalPpm} ppm`,
    },
    {
      what: 'paid as measured, or the reason',
      ok: odd === undefined,
      detail:
        odd === undefined
          ? `${measurement.top.filter(({ why }) => why === null).length} of ${measurement.top.length} as measured`
          : `${odd.contribution}: measured ${odd.sharePpm}, says it was paid ${odd.paidPpm} (${odd.why ?? 'no reason'}), was paid ${paidTo(odd.contribution)}`,
    },
  ];
}
