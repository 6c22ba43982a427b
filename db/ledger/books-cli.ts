/**
 * `npm run -s books -- [--json]`: proves the books and the chain of stored proofs and prints them; exit code 1 on any difference,
 * whose first is named, 2 when the database cannot be reached. Works beside a running marketplace and without one (then it starts the embedded server and
 * stops it again). It asks no chain: the vault's coins are those of the last stored proof, told with their date.
 * Environment: DATABASE_URL, DATABASE_OWNER_URL, DATA_DIR.
 */
import { parseArgs } from 'node:util';
import { connectDatabase } from '../connect-database.ts';
import { DatabaseFault } from '../errors.ts';
import { formatOpen, nano } from './amount.ts';
import { type Books, books } from './books.ts';
import { type BooksProof, brokenProof, newestProof } from './books-proof.ts';

const EXIT_DIFFERENCE = 1;
const EXIT_UNREACHABLE = 2;

/** Warnings and errors go to stderr, so that --json stays JSON. */
const log = {
  info: () => undefined,
  warn: (_: object, message: string) => console.error(message),
  error: (_: object, message: string) => console.error(message),
};

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const database = await connectDatabase({
    databaseUrl: process.env.DATABASE_URL || undefined,
    databaseOwnerUrl: process.env.DATABASE_OWNER_URL || undefined,
    dataDir: process.env.DATA_DIR || undefined,
    leaveAsFound: true,
    log,
  });
  try {
    const proved = await books(database.db);
    const stored = await newestProof(database.db);
    const altered = await brokenProof(database.db);
    console.log(values.json ? asJson(proved) : asTable(proved, stored));
    if (altered !== null)
      console.error(
        `STORED PROOF ${altered} WAS ALTERED, or one before it was taken out: its hash does not fit.`,
      );
    return proved.ok && altered === null ? 0 : EXIT_DIFFERENCE;
  } finally {
    await database.close();
  }
}

function asJson(proved: Books): string {
  return JSON.stringify(proved, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
}

function asTable(proved: Books, stored: BooksProof | undefined): string {
  const nameWidth = Math.max(...proved.invariants.map(({ name }) => name.length));
  const invariants = proved.invariants.map(
    ({ ok, name, figure, meaning }) =>
      `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(nameWidth)} ${String(figure).padStart(6)}  ${meaning}`,
  );
  const totals = proved.totals.map(
    ({ kind, accounts, balanceNano, asset }) =>
      `     ${kind.padEnd(nameWidth)} ${String(accounts).padStart(6)}  ${formatOpen(balanceNano)} ${asset}`,
  );
  return [
    ...invariants,
    '',
    `     ${'account kind'.padEnd(nameWidth)} ${'count'.padStart(6)}  balance`,
    ...totals,
    '',
    `${proved.transfers} transfers, ${proved.entries} entries, ${proved.openHolds} open holds, ${proved.capturedCalls} captured calls`,
    ...coverageLines(proved, stored),
    proved.ok
      ? 'The books balance.'
      : `THE BOOKS DO NOT BALANCE.\nFirst difference: ${proved.firstDifference}`,
  ].join('\n');
}

function coverageLines({ coverage, capturedNano, contributorsNano }: Books, stored?: BooksProof): string[] {
  const { owedNano, mirroredNano, promisedNano, claimableNano } = coverage;
  const coins = stored?.figures.coverage.coinsNano;
  const asked =
    stored && coins != null
      ? `${formatOpen(nano(BigInt(coins)))} at ${stored.at.toISOString()}`
      : 'not asked: no chain';
  return [
    `${formatOpen(capturedNano)} OPEN captured, ${formatOpen(contributorsNano)} of it paid to contributors`,
    `${formatOpen(owedNano)} OPEN owed: ${formatOpen(mirroredNano)} by coins, ${formatOpen(promisedNano)} promised by the treasury; ${formatOpen(claimableNano)} can be claimed`,
    `coins in the vault: ${asked}`,
    stored === undefined
      ? 'no proof stored yet'
      : `last stored proof: number ${stored.number} of ${stored.at.toISOString()}, ${stored.ok ? 'sound' : `FAILED: ${stored.firstDifference}`}`,
  ];
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof DatabaseFault)) throw error;
  console.error(`The books cannot be read: ${error.message}`);
  process.exitCode = EXIT_UNREACHABLE;
}
