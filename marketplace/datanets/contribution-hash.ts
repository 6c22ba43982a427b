// The two hashes of a contribution. Used by contribute.ts and cut-version.ts; knows no database.
// - duplicateHash says "the same to a reader": Unicode form, case and white space do not matter.
// - exactHash says "these very words": it is the Merkle leaf that a datanet version commits to.
import { id as keccakOfText } from 'ethers';
import { canonicalJson } from '../receipts/canonical-json.ts';

interface Content {
  readonly question: string;
  readonly answer: string;
}

/** 32 bytes as 0x hex; equal for texts that differ only in NFKC form, case, or white space. */
export function duplicateHash({ question, answer }: Content): string {
  return keccakOfText(canonicalJson([normalise(question), normalise(answer)]));
}

/** 32 bytes as 0x hex over the exact question and answer. */
export function exactHash({ question, answer }: Content): string {
  return keccakOfText(canonicalJson({ answer, question }));
}

/** NFKC, full case folding (upper then lower maps ß and ss, ς and σ alike), white space as one space. */
function normalise(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase().replace(/ς/g, 'σ').replace(/\s+/gu, ' ').trim();
}
