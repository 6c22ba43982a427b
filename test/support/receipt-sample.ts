// A receipt of schema 3 made by hand and by the very rules that pay, its signature and its place in a tree of three: for tests
// of verification that need no database. Used by test/marketplace/receipts/.
import type { DigestSigner, Hex } from '../../contracts/client/chain.ts';
import { privateKeySigner } from '../../contracts/client/digest-signer.ts';
import { merkleTree } from '../../contracts/merkle/merkle-tree.ts';
import { nano } from '../../db/ledger/amount.ts';
import { completedReceipt } from '../../marketplace/receipts/complete-receipt.ts';
import { combinationOf, measurementOf } from '../../marketplace/receipts/measurement.ts';
import {
  hashedReceipt,
  RECEIPT_SCHEMA,
  type ReceiptBody,
  receiptHash,
  SECOND_RECEIPT_SCHEMA,
} from '../../marketplace/receipts/receipt-body.ts';
import type { ReceiptFile } from '../../marketplace/receipts/receipt-file.ts';
import { signHash } from '../../marketplace/receipts/receipt-signature.ts';
import { answerHashOf, promptHashOf } from '../../marketplace/receipts/words-hash.ts';
import { splitDataPool, splitPrice } from '../../marketplace/split-price.ts';

export const NODE_KEY: DigestSigner = privateKeySigner(`0x${'11'.repeat(32)}`);
const NODE = NODE_KEY.address.toLowerCase();
const REGISTRY: Hex = `0x${'ab'.repeat(20)}`;

const call = 'call_test';
const splitBps = { data: 5_000, creator: 2_500, node: 1_500, platform: 1_000 };
const parts = splitPrice(nano(2_156_001n), splitBps, call);
const words = {
  salt: `0x${'5a'.repeat(32)}`,
  prompt: [{ role: 'user', content: 'What is the capital of France?' }],
  answer: 'The capital of France is Paris.',
};

/** As written at capture: 2,156,001 nano, of which 2,000,000 came from the grant. */
export const captured: ReceiptBody = {
  schema: RECEIPT_SCHEMA,
  number: 'R-000042',
  call,
  person: 'quiet-heron-417',
  model: {
    ...{ slug: 'pocket-atlas', version: 1, versionId: 'mv_1', creator: 'demo-creator' },
    adapterSha256: '6'.repeat(64),
  },
  datanetVersion: { slug: 'pocket-atlas', number: 1, merkleRoot: `0x${'1'.repeat(64)}` },
  promptHash: promptHashOf(words.salt, words.prompt),
  answerHash: answerHashOf(words.salt, words.answer),
  finish: 'stop',
  promptTokens: 9,
  answerTokens: 6,
  rateCard: { perCall: '2000001', per1kPrompt: '4000000', per1kAnswer: '20000000' },
  ceilingNano: '6036001',
  priceNano: '2156001',
  hold: { id: 'hold_1', amountNano: '6036001', grantNano: '2000000', balanceNano: '4036001' },
  paidFrom: { grantNano: '2000000', balanceNano: '156001' },
  splitBps,
  partsNano: {
    data: String(parts.dataNano),
    creator: String(parts.creatorNano),
    node: String(parts.nodeNano),
    platform: String(parts.platformNano),
  },
  transfers: { hold: '17', capture: '18' },
  times: {
    quoted: '2026-01-01T00:00:00.000Z',
    held: '2026-01-01T00:00:00.010Z',
    captured: '2026-01-01T00:00:01.000Z',
  },
  settlement: { chainId: '31337', registry: REGISTRY },
  signer: NODE,
  capturedHash: null,
  attribution: null,
};

const influence = [
  { contributionId: 'contrib_1', personId: 'person_a', sharePpm: 333_333 },
  { contributionId: 'contrib_2', personId: 'person_b', sharePpm: 120_000 },
];
const fallback = ['person_a', 'person_b', 'person_c'].map((personId, index) => ({
  personId,
  weight: 3 - index,
}));
const payouts = splitDataPool(parts.dataNano, influence, fallback, call);

/** As the engine measured it: a third contribution has been retracted since. */
const facts = {
  ...{ alpha: 0.5, noiseFloor: 0.01, storeHash: 'abc', note: null },
  ...{ methodId: 'fisher/2', modelHash: 'm0de1', curvatureHash: 'c0ffee', seed: 7 },
  ...{ baseNll: 3.2, adapterNll: 1.6 },
  shares: [
    { exampleId: 'contrib_1', share: 0.333333, score: 3.5 },
    { exampleId: 'contrib_2', share: 0.12, score: 1.25 },
    { exampleId: 'contrib_3', share: 0.02, score: 0.2 },
  ],
};

/** Completed: two contributions by influence, three contributors by fallback. */
export const complete: ReceiptBody = completedReceipt(hashedReceipt(captured), {
  at: '2026-01-01T00:00:02.000Z',
  alphaPpm: 500_000,
  noiseFloor: 0.01,
  storeHash: 'abc',
  note: null,
  splitTransfer: '21',
  signer: NODE,
  shares: payouts.map((payout) => ({
    kind: payout.kind,
    contributor: payout.personId.replace('person', 'heron'),
    contribution: payout.contributionId,
    contributionHash: payout.contributionId === null ? null : `0x${'7'.repeat(64)}`,
    sharePpm: payout.sharePpm,
    amountNano: String(payout.amountNano),
    ...(payout.weight === undefined ? {} : { weight: payout.weight }),
  })),
  measurement: measurementOf(facts, payouts, []),
  combinationPpm: combinationOf(payouts),
}).body;

const { measurement: _, combinationPpm: __, ...withoutMeasurement } = complete.attribution!;
const { body: capturedSecond, hash: capturedSecondHash } = hashedReceipt<ReceiptBody>({
  ...captured,
  schema: SECOND_RECEIPT_SCHEMA,
});

/** The same as the program before wrote it. */
export const completeSecond: ReceiptBody = {
  ...capturedSecond,
  capturedHash: capturedSecondHash,
  attribution: withoutMeasurement,
};

const OTHERS = [`0x${'8'.repeat(64)}`, `0x${'9'.repeat(64)}`];

/** The file of `body`, signed, in epoch 3 with two other receipts. */
export async function fileOf(body: ReceiptBody, signer: DigestSigner = NODE_KEY): Promise<ReceiptFile> {
  const hash = receiptHash(body);
  const tree = merkleTree(
    ['bytes32'],
    [hash, ...OTHERS].map((leaf) => [leaf]),
  );
  return {
    receipt: body,
    signature: await signHash(signer, 'receipt', hash),
    signer: signer.address.toLowerCase(),
    epoch: { number: 3, root: tree.root, proof: tree.proof(0), chainId: '31337', registry: REGISTRY },
    private: words,
  };
}

/** A refund note of `body`, signed. */
export async function refundOf(body: ReceiptBody, amountNano: string, signer = NODE_KEY) {
  const note = {
    schema: 'openmodels/refund-note/1',
    receipt: body.number,
    capturedHash: body.capturedHash ?? receiptHash(body),
    transfer: '33',
    amountNano,
    reason: 'the answer was about Spain',
    at: '2026-01-02T00:00:00.000Z',
    signer: signer.address.toLowerCase(),
  } as const;
  return { note, signature: await signHash(signer, 'refund note', receiptHash(note)) };
}
