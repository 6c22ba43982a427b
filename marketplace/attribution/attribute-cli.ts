// `npm run -s attribute -- --receipt R [--data DIR] [--base DIR] [--exact]`: measures who made an answer again, on this machine, and
// compares every figure with the receipt. R is a person's own receipt file (it holds their words), or a receipt's number where
// this machine has the database. A line for each figure, up to and with the first that differs.
// Exit codes: 0 agrees · 1 differs (named in the last line) · 2 could not be measured again (no words, no store, no attribution
// yet) · 3 nothing was measured: shared equally, for the reason that the receipt says. Environment: DATA_DIR, ENGINE_BASE_DIR,
// and for a number DATABASE_URL, DATABASE_OWNER_URL. Needs neither the running program nor a network.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { isOldReceipt } from '../receipts/old-receipt.ts';
import type { ReceiptCheck } from '../receipts/receipt-check.ts';
import type { ReceiptFile } from '../receipts/receipt-file.ts';
import { parseReceiptNumber } from '../receipts/receipt-number.ts';
import { verifyFile } from '../receipts/verify-file.ts';
import { type FoundVersion, findLocalVersion, type LocalVersion } from './local-version.ts';
import { type Recomputed, recomputeReceipt } from './recompute-receipt.ts';
import { storedReceipt } from './stored-receipt.ts';

const EXIT = { agrees: 0, differs: 1, notMeasured: 2, equalSplit: 3 } as const;

const USAGE =
  'usage: npm run -s attribute -- --receipt receipt.json|R-000042 [--data DIR] [--base DIR] [--exact]';

const PROJECT = new URL('../../', import.meta.url);

const say = (line: string): void => console.log(line);

/** Why it could not be measured again. */
class NotMeasured extends Error {}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { receipt: text, data: text, base: text, exact: { type: 'boolean', default: false } },
  });
  if (values.receipt === undefined || values.receipt === '') throw new NotMeasured(USAGE);
  const dataDir = values.data ?? (process.env.DATA_DIR || fileURLToPath(new URL('.data', PROJECT)));
  const { file, checks } = await readReceipt(values.receipt, dataDir);
  for (const check of checks) if (!check.ok) return differs(check);
  const { receipt, private: words } = file;
  say(`true  the receipt by itself: ${checks.length} checks`);
  const { attribution } = receipt;
  if (attribution === null) throw new NotMeasured('this receipt waits for its attribution: fetch it again');
  if (attribution.storeHash === '') {
    say(`Nothing was measured for this answer: ${attribution.note ?? 'shared equally'}.`);
    return EXIT.equalSplit;
  }
  if (words === undefined)
    throw new NotMeasured(
      'the file has no words: only the file of the person who asked can be measured again',
    );
  const version = await findLocalVersion(dataDir, {
    adapterSha256: isOldReceipt(receipt) ? null : receipt.model.adapterSha256,
    storeHash: attribution.storeHash,
  });
  if (!version.ok) throw new NotMeasured(missingWords(version));
  const baseDir =
    values.base ?? (process.env.ENGINE_BASE_DIR || fileURLToPath(new URL('engine/base', PROJECT)));
  return conclude(await measureAgain(baseDir, file, words, version), values.exact);
}

async function measureAgain(
  baseDir: string,
  { receipt }: ReceiptFile,
  words: NonNullable<ReceiptFile['private']>,
  version: LocalVersion,
): Promise<Recomputed> {
  const engine = await createLocalEngine({ baseDir, servesLater: true });
  try {
    return await recomputeReceipt(engine, receipt, words, version);
  } finally {
    await engine.close();
  }
}

/** The receipt, and whether it is true by itself. */
async function readReceipt(
  named: string,
  dataDir: string,
): Promise<{ readonly file: ReceiptFile; readonly checks: readonly ReceiptCheck[] }> {
  if (!existsSync(named)) {
    if (parseReceiptNumber(named) === null)
      throw new NotMeasured(`there is no file ${named}, and it is no receipt number`);
    const stored = await storedReceipt(named, dataDir);
    if (stored === null) throw new NotMeasured(`there is no receipt ${named} in the database of ${dataDir}`);
    return stored;
  }
  const file: unknown = JSON.parse(await readFile(named, 'utf8'));
  const { checks } = await verifyFile(file);
  return { file: file as ReceiptFile, checks };
}

function missingWords({ missing, searched, hash }: Extract<FoundVersion, { ok: false }>): string {
  const what = missing === 'store' ? 'gradient store' : 'adapter';
  return `no ${what} with the hash ${hash} in ${searched}: it must be measured where the model version is`;
}

const lineOf = ({ what, ok, detail }: ReceiptCheck): string => `${ok ? 'true ' : 'FALSE'} ${what}: ${detail}`;

function differs(check: ReceiptCheck): number {
  say(lineOf(check));
  say(`This receipt does NOT agree: ${check.what}.`);
  return EXIT.differs;
}

function conclude({ checks, ok, exact, offPpm }: Recomputed, mustBeExact: boolean): number {
  for (const check of ok ? checks : checks.slice(0, -1)) say(lineOf(check));
  if (!ok) return differs(checks[checks.length - 1]);
  if (exact) say('This receipt agrees: measured again, every figure is the same to the bit.');
  else if (mustBeExact) say('This receipt does NOT agree to the bit, which --exact asks for.');
  else
    say(
      `This receipt agrees: measured again, no share is off by more than ${offPpm} millionths (another machine rounds differently).`,
    );
  return exact || !mustBeExact ? EXIT.agrees : EXIT.differs;
}

try {
  process.exitCode = await main();
} catch (fault) {
  console.error(`It could not be measured again: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exitCode = EXIT.notMeasured;
}
