// Everything that can be checked about a receipt file, in order, with nothing but the file and, at most, a root from
// elsewhere: shape, arithmetic, hashes, words, signature, refund notes, Merkle path, root. Used by verify-cli.ts and tests.
// Needs neither database nor engine nor the running program; asks no network itself (the root is handed in).
import { verifyMerkleProof } from '../../contracts/merkle/merkle-tree.ts';
import { isOldReceipt } from './old-receipt.ts';
import { receiptHash } from './receipt-body.ts';
import { check, type ReceiptCheck } from './receipt-check.ts';
import type { ReceiptFile, ReceiptProof } from './receipt-file.ts';
import { wrongShape } from './receipt-shape.ts';
import { signerOf } from './receipt-signature.ts';
import { figureChecks, hashChecks } from './verify-receipt.ts';
import { answerHashOf, promptHashOf } from './words-hash.ts';

/** The root of an epoch as somebody else than the file tells it. */
export interface KnownRoot {
  /** Null: no root is known for this epoch there. */
  readonly root: string | null;
  /** Where from, in words. */
  readonly source: string;
  /** What else the source knows of the place. */
  readonly chainId?: string;
  readonly registry?: string;
}

export interface VerifyOptions {
  /** Who must have signed: the node's published address. */
  readonly signer?: string;
  /** Asks for the root of the receipt's epoch. @throws when the source cannot be asked */
  readonly rootOf?: (epoch: ReceiptProof) => Promise<KnownRoot>;
}

export interface Verified {
  /** Up to and with the first that is false. */
  readonly checks: readonly ReceiptCheck[];
  readonly ok: boolean;
  /** How far settlement could be followed; `not_in_epoch` and `not_compared` are no falsehoods. */
  readonly settlement: 'proven' | 'not_in_epoch' | 'not_compared' | 'not_reached';
}

export async function verifyFile(file: unknown, options: VerifyOptions = {}): Promise<Verified> {
  const checks: ReceiptCheck[] = [];
  /** False at the first false one. */
  const allTrue = (more: readonly ReceiptCheck[]): boolean => {
    for (const one of more) {
      checks.push(one);
      if (!one.ok) return false;
    }
    return true;
  };
  const wrong = wrongShape(file);
  const shape = { what: 'shape', ok: wrong === null, detail: wrong ?? 'every field is there, and no other' };
  if (!allTrue([shape])) return { checks, ok: false, settlement: 'not_reached' };
  const known = file as ReceiptFile;
  const { receipt, epoch } = known;
  const own = allTrue([
    ...figureChecks(receipt),
    ...hashChecks(receipt),
    ...wordsChecks(known),
    ...signatureChecks(known, options.signer?.toLowerCase()),
    ...refundChecks(known),
  ]);
  if (!own) return { checks, ok: false, settlement: 'not_reached' };
  if (epoch === null) return { checks, ok: true, settlement: 'not_in_epoch' };
  if (!allTrue(pathChecks(known, epoch))) return { checks, ok: false, settlement: 'not_reached' };
  if (options.rootOf === undefined) return { checks, ok: true, settlement: 'not_compared' };
  const ok = allTrue(rootChecks(epoch, await options.rootOf(epoch)));
  return { checks, ok, settlement: ok ? 'proven' : 'not_reached' };
}

function wordsChecks({ receipt, private: words }: ReceiptFile): readonly ReceiptCheck[] {
  if (words === undefined) return [];
  return [
    check('words of the prompt', receipt.promptHash, promptHashOf(words.salt, words.prompt)),
    check('words of the answer', receipt.answerHash, answerHashOf(words.salt, words.answer)),
  ];
}

function signatureChecks(
  { receipt, signature, signer }: ReceiptFile,
  wanted: string | undefined,
): readonly ReceiptCheck[] {
  const what = 'signature';
  if (signature === null || signer === null) {
    return [
      { what, ok: false, detail: 'the file is not signed: the node signs within seconds, fetch it anew' },
    ];
  }
  const found = signerOf('receipt', receiptHash(receipt), signature);
  const checks: ReceiptCheck[] = [
    {
      what,
      ok: found === signer,
      detail:
        found === signer
          ? `by ${signer}`
          : `${signer} did not sign this receipt as it stands here (recovered: ${found ?? 'nobody'})`,
    },
  ];
  if (!isOldReceipt(receipt)) {
    const named = receipt.attribution?.signer ?? receipt.signer;
    checks.push(check('signer named in the receipt', signer, named));
  }
  if (wanted !== undefined) checks.push(check('signer you asked for', signer, wanted));
  return checks;
}

function refundChecks({ receipt, refunds = [] }: ReceiptFile): readonly ReceiptCheck[] {
  if (refunds.length === 0) return [];
  const capturedHash = receipt.capturedHash ?? receiptHash(receipt);
  const number = isOldReceipt(receipt) ? null : receipt.number;
  const total = refunds.reduce((sum, { note }) => sum + BigInt(note.amountNano), 0n);
  const checks = refunds.flatMap(({ note, signature }, index) => {
    const name = `refund note ${index + 1}`;
    return [
      check(`${name}: receipt`, note.receipt, number ?? note.receipt),
      check(`${name}: hash of the receipt`, note.capturedHash, capturedHash),
      check(`${name}: signature`, String(signerOf('refund note', receiptHash(note), signature)), note.signer),
    ];
  });
  const within = total <= BigInt(receipt.priceNano);
  return [
    ...checks,
    { what: 'refunds within the price', ok: within, detail: `${total} of ${receipt.priceNano} nano` },
  ];
}

function pathChecks({ receipt }: ReceiptFile, epoch: ReceiptProof): readonly ReceiptCheck[] {
  const checks: ReceiptCheck[] = [];
  const leads = verifyMerkleProof(epoch.root, ['bytes32'], [receiptHash(receipt)], epoch.proof);
  checks.push({
    what: 'Merkle path',
    ok: leads,
    detail: leads
      ? `${epoch.proof.length} steps to the root of epoch ${epoch.number}`
      : 'the path does not lead from this receipt to the root that the file names',
  });
  checks.push({
    what: 'complete before its epoch',
    ok: receipt.attribution !== null,
    detail: receipt.attribution === null ? 'only completed receipts go into epochs' : 'attributed',
  });
  if (!isOldReceipt(receipt) && receipt.settlement !== null) {
    const { chainId, registry } = receipt.settlement;
    checks.push(check('chain named in the receipt', String(epoch.chainId), chainId));
    checks.push(check('registry named in the receipt', String(epoch.registry), registry));
  }
  return checks;
}

function rootChecks(epoch: ReceiptProof, known: KnownRoot): readonly ReceiptCheck[] {
  const checks: ReceiptCheck[] = [];
  if (known.chainId !== undefined)
    checks.push(check(`chain of ${known.source}`, String(epoch.chainId), known.chainId));
  if (known.registry !== undefined)
    checks.push(check(`registry of ${known.source}`, String(epoch.registry), known.registry.toLowerCase()));
  checks.push({
    what: `root of epoch ${epoch.number} from ${known.source}`,
    ok: known.root?.toLowerCase() === epoch.root,
    detail:
      known.root === null
        ? `no root of epoch ${epoch.number} is known there`
        : known.root.toLowerCase() === epoch.root
          ? epoch.root
          : `found ${known.root.toLowerCase()}, the file says ${epoch.root}`,
  });
  return checks;
}
