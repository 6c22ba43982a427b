// `npm run attribute` on a tiny real model version: a true receipt agrees to the bit, any changed figure is named and exits 1, and
// what cannot be measured again says why; found by content in a data folder, without a database.
import { execFile } from 'node:child_process';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano } from '../../../db/ledger/amount.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { findLocalVersion } from '../../../marketplace/attribution/local-version.ts';
import { adapterSha256 } from '../../../marketplace/receipts/adapter-hash.ts';
import { completedReceipt } from '../../../marketplace/receipts/complete-receipt.ts';
import { combinationOf, measurementOf } from '../../../marketplace/receipts/measurement.ts';
import {
  hashedReceipt,
  type ReceiptAttribution,
  type ReceiptBody,
  type ReceiptMeasurement,
} from '../../../marketplace/receipts/receipt-body.ts';
import type { ReceiptFile } from '../../../marketplace/receipts/receipt-file.ts';
import { answerHashOf, promptHashOf } from '../../../marketplace/receipts/words-hash.ts';
import { splitDataPool, toPpm } from '../../../marketplace/split-price.ts';
import { decoys, examples, makeTinyVersion } from '../../engine/attribution/tiny-version.ts';
import { captured, fileOf, NODE_KEY } from '../../support/receipt-sample.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
const dataDir = join(folder, 'data');
const { question, answer } = examples[3];
const salt = `0x${'5a'.repeat(32)}`;
const words = { salt, prompt: [{ role: 'user', content: question }], answer };
let baseDir: string;
let body: ReceiptBody;
let attribution: ReceiptAttribution;
let measurement: ReceiptMeasurement;

beforeAll(async () => {
  const { modelDir, adapter } = await makeTinyVersion(folder);
  baseDir = modelDir;
  const adapterDir = join(dataDir, 'adapters', 'tiny-1');
  await mkdir(join(dataDir, 'adapters', 'another'), { recursive: true });
  await cp(adapter.dir, adapterDir, { recursive: true });
  const storeDir = join(dataDir, 'stores', 'tiny-1');
  const engine = await createLocalEngine({ baseDir, servesLater: true });
  const version = { id: 'tiny', dir: adapterDir };
  await engine.buildStore({ adapter: version, storeDir, examples, decoys });
  const messages = [{ role: 'user', content: question }] as const;
  const facts = {
    ...(await engine.attribute({ adapter: version, storeDir, messages, answer })),
    note: null,
  };
  await engine.close();
  body = await receiptOf(facts);
  attribution = body.attribution as ReceiptAttribution;
  measurement = attribution.measurement as ReceiptMeasurement;
}, 120_000);

/** The receipt of the answer, as the marketplace would complete it: every measured share is paid to somebody. */
async function receiptOf(facts: Parameters<typeof measurementOf>[0]): Promise<ReceiptBody> {
  const adapter = await adapterSha256(join(dataDir, 'adapters', 'tiny-1'));
  const before = hashedReceipt<ReceiptBody>({
    ...captured,
    model: { ...captured.model, adapterSha256: adapter },
    promptHash: promptHashOf(salt, words.prompt),
    answerHash: answerHashOf(salt, answer),
  });
  const shares = (facts.shares ?? []).filter(({ share }) => toPpm(share) > 0);
  const influence = shares.map(({ exampleId, share }) => ({
    ...{ contributionId: exampleId, personId: 'person_a', sharePpm: toPpm(share) },
  }));
  const payouts = splitDataPool(
    nano(BigInt(captured.partsNano.data)),
    influence,
    [{ personId: 'person_b', weight: 1 }],
    captured.call,
  );
  return completedReceipt(before, {
    at: '2026-01-01T00:00:02.000Z',
    ...{ alphaPpm: toPpm(facts.alpha), noiseFloor: facts.noiseFloor, storeHash: facts.storeHash, note: null },
    ...{ splitTransfer: '21', signer: NODE_KEY.address.toLowerCase() },
    shares: payouts.map(({ kind, contributionId: contribution, sharePpm, amountNano }) => ({
      ...{ kind, contributor: 'heron', contribution, contributionHash: null, sharePpm },
      amountNano: String(amountNano),
    })),
    measurement: measurementOf(facts, payouts, []),
    combinationPpm: combinationOf(payouts),
  }).body;
}

/** Runs the command on the file of `receipt`, signed by the node itself, as a forger with its key would. */
async function attribute(receipt: ReceiptBody, change: Partial<ReceiptFile> = {}, ...more: string[]) {
  const path = join(folder, 'receipt.json');
  await writeFile(path, JSON.stringify({ ...(await fileOf(receipt)), private: words, ...change }));
  const cli = new URL('../../../marketplace/attribution/attribute-cli.ts', import.meta.url).pathname;
  const args = [cli, '--receipt', path, '--data', dataDir, '--base', baseDir, ...more];
  return await promisify(execFile)(process.execPath, args).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (fault: { code: number; stdout: string; stderr: string }) => ({
      code: fault.code,
      said: fault.stdout + fault.stderr,
    }),
  );
}

const changed = (change: Partial<ReceiptAttribution>): ReceiptBody => ({
  ...body,
  attribution: { ...attribution, ...change },
});
const measuredOtherwise = (change: Partial<ReceiptMeasurement>): ReceiptBody =>
  changed({ measurement: { ...measurement, ...change } });

describe('npm run attribute', () => {
  it('measures the stating contribution first, and agrees with a true receipt to the bit', async () => {
    expect(measurement.top[0].contribution).toBe(examples[3].id);
    const { code, said } = await attribute(body, {}, '--exact');
    expect(said).toContain('This receipt agrees: measured again, every figure is the same to the bit.');
    expect(said).toContain(`true  share of ${examples[3].id}: ${measurement.top[0].sharePpm} ppm`);
    expect(code).toBe(0);
  }, 60_000);

  it('names the first figure that differs, though the node itself signed it, and exits 1', async () => {
    const score = measurement.top[0].score * 1.01;
    const forged: readonly (readonly [string, ReceiptBody])[] = [
      [
        'score of fact-3',
        measuredOtherwise({ top: measurement.top.with(0, { ...measurement.top[0], score }) }),
      ],
      ['noise floor', changed({ noiseFloor: attribution.noiseFloor + measurement.top[0].score / 100 })],
    ];
    for (const [what, receipt] of forged) {
      const { code, said } = await attribute(receipt);
      expect(said).toContain(`This receipt does NOT agree: ${what}.`);
      expect(code).toBe(1);
    }
    // Found by arithmetic already, before anything is measured.
    const { code, said } = await attribute(changed({ alphaPpm: 999_999 }));
    expect(said).toMatch(/This receipt does NOT agree: (part that the adapter explains|.*shares)/);
    expect(code).toBe(1);
  }, 60_000);

  it('lets a share of another machine pass that is 90 millionths off, unless --exact, and none that is 200 off', async () => {
    const [first, ...rest] = measurement.top;
    const off = (ppm: number) => {
      const sharePpm = first.sharePpm - ppm;
      return measuredOtherwise({
        ...{ totalPpm: measurement.totalPpm - ppm },
        top: [{ ...first, sharePpm, why: 'held back' }, ...rest],
      });
    };
    const paid = (ppm: number): ReceiptBody => {
      const receipt = off(ppm);
      // Paid as the forged measurement says, so that the receipt is true by itself.
      const influence = attribution.shares
        .filter(({ kind }) => kind === 'influence')
        .map(({ contribution, sharePpm }, i) => ({
          ...{
            contributionId: contribution ?? '',
            personId: 'p',
            sharePpm: i === 0 ? sharePpm - ppm : sharePpm,
          },
        }));
      const payouts = splitDataPool(
        nano(BigInt(captured.partsNano.data)),
        influence,
        [{ personId: 'q', weight: 1 }],
        captured.call,
      );
      const said = receipt.attribution?.measurement as ReceiptMeasurement;
      return {
        ...receipt,
        attribution: {
          ...attribution,
          measurement: {
            ...said,
            top: [{ ...said.top[0], paidPpm: said.top[0].sharePpm, why: null }, ...said.top.slice(1)],
          },
          combinationPpm: combinationOf(payouts),
          shares: payouts.map(({ sharePpm, amountNano }, i) => ({
            ...{ ...attribution.shares[i], sharePpm, amountNano: String(amountNano) },
          })),
        },
      };
    };
    expect(await attribute(paid(90))).toMatchObject({
      code: 0,
      said: expect.stringContaining('no share is off by more than 90 millionths'),
    });
    expect((await attribute(paid(90), {}, '--exact')).code).toBe(1);
    expect(await attribute(paid(200))).toMatchObject({ code: 1 });
  }, 60_000);

  it('says why it cannot be measured again: no words, no attribution, no store, another base, no such file', async () => {
    const cannot = async (receipt: ReceiptBody, words: RegExp, change: Partial<ReceiptFile> = {}) => {
      const { code, said } = await attribute(receipt, change);
      expect(said).toMatch(words);
      expect(code).toBe(2);
    };
    await cannot(body, /the file has no words/, { private: undefined });
    const { attribution: _, ...early } = body;
    await cannot(
      { ...early, capturedHash: null, attribution: null },
      /this receipt waits for its attribution/,
      { epoch: null },
    );
    const elsewhere = join(dataDir, 'elsewhere');
    await rename(join(dataDir, 'stores', 'tiny-1'), elsewhere);
    await cannot(body, /no gradient store with the hash [0-9a-f]{64} in .*stores: it must be measured where/);
    await rename(elsewhere, join(dataDir, 'stores', 'tiny-1'));
    const none = await attribute(body, {}, '--receipt', join(folder, 'none.json'));
    expect(none).toMatchObject({ code: 2, said: expect.stringContaining('there is no file') });
  }, 60_000);

  it('tells an equal split apart: nothing was measured, exit code 3 and the reason', async () => {
    const facts = { shares: [], alpha: 0, noiseFloor: 0, storeHash: '', note: 'this version has not passed' };
    const equal = await receiptOf(facts);
    const note = { ...equal.attribution, note: facts.note } as ReceiptAttribution;
    expect(await attribute({ ...equal, attribution: note })).toMatchObject({
      code: 3,
      said: expect.stringContaining('Nothing was measured for this answer: this version has not passed.'),
    });
  }, 60_000);
});

it('a version is found by content, whatever its folders are called', async () => {
  const hashes = { adapterSha256: body.model.adapterSha256, storeHash: attribution.storeHash };
  const found = await findLocalVersion(dataDir, hashes);
  expect(found).toMatchObject({ ok: true, storeDir: join(dataDir, 'stores', 'tiny-1') });
  const wrong = { ...hashes, adapterSha256: '0'.repeat(64) };
  expect(await findLocalVersion(dataDir, wrong)).toMatchObject({ ok: false, missing: 'adapter' });
  await rm(join(folder, 'receipt.json'), { force: true });
});
