// Proves the books, asks the vault for its coins, stores the proof, and raises the alarm when it fails: in the log with the
// first difference, to the operators without it (it names owners). Used by prove-books-regularly.ts. From a failed proof
// until one that holds nothing is paid out (booksAreSound). Decides nothing about what is right: db/ledger/books-rules.ts.
import type { Chain } from '../../contracts/client/chain.ts';
import { type Tx, transact } from '../../db/database.ts';
import { type Books, books, type VaultFigures } from '../../db/ledger/books.ts';
import { type BooksProof, newestProof, storeProof } from '../../db/ledger/books-proof.ts';
import { latestConversationOf } from '../../db/repositories/conversation-repository.ts';
import { enqueueJob } from '../jobs/enqueue-job.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

const WEI_PER_NANO = 10n ** 9n;

/** One proof, stored. @throws DatabaseFault when the database is away; a chain that cannot be asked is left out */
export async function proveBooks(
  market: Pick<MarketplaceContext, 'db' | 'chain' | 'log' | 'settings'>,
): Promise<BooksProof> {
  const proved = await books(market.db, () => askVault(market));
  const proof = await transact(market.db, async (tx) => {
    const before = await newestProof(tx);
    const stored = await storeProof(tx, proved);
    if ((before?.ok ?? true) !== stored.ok) await tellOperators(tx, market, stored);
    return stored;
  });
  logProof(market, proved, proof);
  return proof;
}

/** The coins are asked for after the books were read: what is final in them is then surely in the chain's newest block. */
async function askVault({
  chain,
  log,
}: Pick<MarketplaceContext, 'chain' | 'log'>): Promise<VaultFigures | null> {
  if (chain === null) return null;
  try {
    return vaultFigures(await chain.vault());
  } catch (fault) {
    log.warn({ err: fault }, 'the vault could not be asked for its coins: this proof is without them');
    return null;
  }
}

const vaultFigures = ({ coinsWei, claimedTotalWei }: Awaited<ReturnType<Chain['vault']>>): VaultFigures => ({
  coinsNano: coinsWei / WEI_PER_NANO,
  claimedNano: claimedTotalWei / WEI_PER_NANO,
});

function logProof({ log }: Pick<MarketplaceContext, 'log'>, proved: Books, proof: BooksProof): void {
  const facts = { number: proof.number, transfers: proved.transfers, hash: proof.hash };
  if (proof.ok) log.info(facts, 'the books were proved');
  else
    log.error(
      { ...facts, difference: proof.firstDifference, broken: proof.figures.broken },
      'THE BOOKS DO NOT BALANCE: payouts are stopped until a proof holds',
    );
}

/** As jobs of the transaction that stores the proof: told at least once, when the state changed. */
async function tellOperators(
  tx: Tx,
  { settings }: Pick<MarketplaceContext, 'settings'>,
  proof: BooksProof,
): Promise<void> {
  for (const operator of settings.operators) {
    const conversation = await latestConversationOf(tx, operator);
    if (conversation === undefined) continue;
    await enqueueJob(tx, 'tell-news', {
      key: `books:${proof.number}:${conversation.id}`,
      platform: conversation.platform,
      conversationId: conversation.platformConversationId,
      kind: proof.ok ? 'books_sound' : 'books_failed',
      datanetTitle: proof.ok ? 'The books balance again' : 'The books do not balance',
      text: proof.ok
        ? `Proof ${proof.number} holds: payouts go on.`
        : `Proof ${proof.number} failed (${proof.figures.broken.join(', ')}). Payouts are stopped until a proof holds; answers go on. \`npm run books\` on the machine names the first difference.`,
    });
  }
}
