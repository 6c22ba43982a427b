// Measures an answer's shares again and compares them with what its receipt says, figure by figure, in the order in which one
// follows from the other; ends with the first difference. Used by attribute-cli.ts and tests. It knows receipts and an
// engine's `attribute`; no database, no people.
// Hashes, method and seed must be equal. Figures must be equal to the bit on the machine that measured them; another
// processor adds its sums in another order, so they may differ by what NEAR and NEAR_PPM allow, and the report says by how much.
import type { ChatMessage, Engine } from '../../engine/engine.ts';
import { measuredShares } from '../receipts/measurement.ts';
import type { AnyReceiptBody } from '../receipts/old-receipt.ts';
import type { MeasuredShare } from '../receipts/receipt-body.ts';
import { check, type ReceiptCheck } from '../receipts/receipt-check.ts';
import type { ReceiptFile } from '../receipts/receipt-file.ts';
import { toPpm } from '../split-price.ts';
import type { LocalVersion } from './local-version.ts';

/** Of a loss, of the largest score. */
const NEAR = 1e-4;
/** Of a share, in parts per million of the data part. */
const NEAR_PPM = 100;

export interface Recomputed {
  /** Up to and with the first that is false. */
  readonly checks: readonly ReceiptCheck[];
  readonly ok: boolean;
  /** Every figure the same to the bit. */
  readonly exact: boolean;
  /** The largest difference of a share that was let pass. */
  readonly offPpm: number;
}

/** @throws EngineError: the store was made from another base model or adapter, has been changed, or cannot be read */
export async function recomputeReceipt(
  engine: Pick<Engine, 'attribute'>,
  receipt: AnyReceiptBody,
  words: NonNullable<ReceiptFile['private']>,
  { adapterDir, storeDir }: LocalVersion,
): Promise<Recomputed> {
  const { attribution } = receipt;
  if (attribution === null) throw new RangeError('this receipt waits for its attribution');
  const found = await engine.attribute({
    adapter: { id: receipt.model.versionId, dir: adapterDir },
    storeDir,
    messages: words.prompt as readonly ChatMessage[],
    answer: words.answer,
  });
  const again = measuredShares(found.shares);
  const told = createTold();
  const said = 'measurement' in attribution ? (attribution.measurement ?? undefined) : undefined;
  told.equal('gradient store', attribution.storeHash, found.storeHash);
  if (said !== undefined) {
    told.equal('method', said.method, found.methodId ?? '');
    told.equal('model', said.modelHash, found.modelHash ?? '');
    told.equal('curvature', said.curvatureHash, found.curvatureHash ?? '');
    told.equal('seed', String(said.seed), String(found.seed ?? null));
    told.near('loss without the adapter', said.baseNll, found.baseNll ?? null);
    told.near('loss with the adapter', said.adapterNll, found.adapterNll ?? null);
  }
  told.nearPpm('part that the adapter explains', attribution.alphaPpm, toPpm(found.alpha));
  const scale = Math.max(attribution.noiseFloor, ...again.map(({ score }) => score));
  told.near('noise floor', attribution.noiseFloor, found.noiseFloor, scale);
  if (said === undefined) return comparePaid(told, receipt, again);
  told.nearPpm('measured shares in all', said.totalPpm, sumPpm(again));
  const least = said.count > said.top.length ? (said.top.at(-1)?.sharePpm ?? 0) : 0;
  const byId = new Map(again.map((share) => [share.contribution, share]));
  for (const { contribution, sharePpm, score } of said.top) {
    const now = byId.get(contribution);
    told.nearPpm(`share of ${contribution}`, sharePpm, now?.sharePpm ?? 0);
    if (now !== undefined) told.near(`score of ${contribution}`, score, now.score, scale);
  }
  const listed = new Set(said.top.map(({ contribution }) => contribution));
  for (const { contribution, sharePpm } of again)
    if (!listed.has(contribution) && sharePpm > least + NEAR_PPM)
      told.nearPpm(`share of ${contribution}`, 0, sharePpm);
  return told.result();
}

/** Receipts before schema 3 name only what was paid. */
function comparePaid(told: Told, { attribution }: AnyReceiptBody, again: readonly Measured[]): Recomputed {
  const byId = new Map(again.map(({ contribution, sharePpm }) => [contribution, sharePpm]));
  for (const { kind, contribution, sharePpm } of attribution?.shares ?? [])
    if (kind === 'influence' && contribution !== null)
      told.nearPpm(`share of ${contribution}`, sharePpm, byId.get(contribution) ?? 0);
  return told.result();
}

type Measured = Pick<MeasuredShare, 'contribution' | 'sharePpm' | 'score'>;

const sumPpm = (shares: readonly Measured[]): number =>
  shares.reduce((sum, { sharePpm }) => sum + sharePpm, 0);

type Told = ReturnType<typeof createTold>;

/** Collects checks until one is false. */
function createTold() {
  const checks: ReceiptCheck[] = [];
  let ok = true;
  let exact = true;
  let offPpm = 0;
  const tell = (one: ReceiptCheck): void => {
    if (!ok) return;
    checks.push(one);
    ok = one.ok;
  };
  return {
    equal: (what: string, says: string, now: string): void => tell(check(what, now, says)),
    near(what: string, says: number | null, now: number | null, scale = Math.abs(says ?? 0)): void {
      if (says === now) {
        tell(check(what, String(now), String(says)));
        return;
      }
      exact = false;
      const near = says !== null && now !== null && Math.abs(says - now) <= NEAR * scale;
      tell({ what, ok: near, detail: differs(now, says) });
    },
    nearPpm(what: string, says: number, now: number): void {
      if (says === now) {
        tell(check(what, `${now} ppm`, `${says} ppm`));
        return;
      }
      exact = false;
      const off = Math.abs(says - now);
      if (off <= NEAR_PPM) offPpm = Math.max(offPpm, off);
      tell({ what, ok: off <= NEAR_PPM, detail: differs(`${now} ppm`, `${says} ppm`) });
    },
    result: (): Recomputed => ({ checks, ok, exact, offPpm }),
  };
}

const differs = (now: unknown, says: unknown): string => `measured ${now} now, the receipt says ${says}`;
