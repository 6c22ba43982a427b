// `npm run -s correct -- --from kind:owner --to kind:owner --amount 1.5 --reason "…" --by name`: shows what a correction would
// move; the same with the `--order` it prints carries it out, once. Works beside a running marketplace and without one.
// Exit code 1 when it is refused, 2 when the database cannot be reached. Environment: DATABASE_URL, DATABASE_OWNER_URL, DATA_DIR.
import { parseArgs } from 'node:util';
import { connectDatabase } from '../../db/connect-database.ts';
import { DatabaseFault } from '../../db/errors.ts';
import { formatOpen } from '../../db/ledger/amount.ts';
import { CORRECTABLE, type CorrectionOffer, correctAccounts, offerCorrection } from './correct-accounts.ts';

const EXIT_REFUSED = 1;
const EXIT_UNREACHABLE = 2;

const log = {
  info: () => undefined,
  warn: (_: object, message: string) => console.error(message),
  error: (_: object, message: string) => console.error(message),
};

async function main(): Promise<number> {
  const text = { type: 'string', default: '' } as const;
  const { values } = parseArgs({
    options: { from: text, to: text, amount: text, reason: text, by: text, order: text },
  });
  const database = await connectDatabase({
    databaseUrl: process.env.DATABASE_URL || undefined,
    databaseOwnerUrl: process.env.DATABASE_OWNER_URL || undefined,
    dataDir: process.env.DATA_DIR || undefined,
    leaveAsFound: true,
    log,
  });
  try {
    const sure = values.order !== '';
    const result = sure
      ? await correctAccounts(database.db, values, values.order)
      : await offerCorrection(database.db, values);
    if (!result.ok) {
      console.error(`${refusalWords(result)} Nothing was moved.`);
      return EXIT_REFUSED;
    }
    const { from, to, amountNano, reason, orderId } = result;
    const what = `${formatOpen(amountNano)} OPEN from ${from.kind} of ${from.ownerId} to ${to.kind} of ${to.ownerId}: ${reason}`;
    console.log(
      sure ? `Moved ${what}` : `Would move ${what}\nTo do it, repeat the command with --order ${orderId}`,
    );
    return 0;
  } finally {
    await database.close();
  }
}

function refusalWords(refusal: Extract<CorrectionOffer, { ok: false }>): string {
  switch (refusal.code) {
    case 'unknown_account':
      return `There is no account “${refusal.account}”: write kind:owner, the kind being one of ${CORRECTABLE.join(', ')}, a person by pseudonym or id.`;
    case 'same_account':
      return `“${refusal.account}” is where it comes from.`;
    case 'not_an_amount':
      return '--amount takes an amount of OPEN above 0, such as 0.5.';
    case 'reason_missing':
      return '--reason is missing: both owners read it in their history.';
    case 'by_missing':
      return '--by is missing: who orders this is written down.';
    case 'another_order':
      return 'This --order belongs to another correction: repeat the command without it.';
    case 'balance_too_low':
      return `The account has ${formatOpen(refusal.availableNano)} OPEN, not ${formatOpen(refusal.neededNano)}.`;
  }
}

main()
  .catch((fault: unknown) => {
    console.error(fault instanceof DatabaseFault ? fault.message : fault);
    return EXIT_UNREACHABLE;
  })
  .then((code) => {
    process.exitCode = code;
  });
