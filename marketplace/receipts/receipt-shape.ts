// The exact shape of a receipt file, field by field: what is missing, surplus or not well-formed is named by its path.
// Used by verification before anything is computed, so that the later checks may rely on it. Pure; decides nothing else.
// Amounts are whole numbers of nano-OPEN without leading zeros, hashes and addresses lowercase hex: one spelling each.
import { z } from 'zod';
import { OLD_RECEIPT_SCHEMA } from './old-receipt.ts';
import { RECEIPT_SCHEMA, SECOND_RECEIPT_SCHEMA } from './receipt-body.ts';

const matching = (pattern: RegExp, what: string) => z.string().regex(pattern, `is not ${what}`);

const text = z.string().max(2_000);
const name = z.string().min(1).max(200);
const hash = matching(/^0x[0-9a-f]{64}$/, 'a hash of 32 bytes in lowercase hex');
const address = matching(/^0x[0-9a-f]{40}$/, 'an address in lowercase hex');
const signature = matching(/^0x[0-9a-f]{130}$/, 'a signature of 65 bytes in lowercase hex');
const nano = matching(/^(0|[1-9]\d{0,18})$/, 'an amount in nano-OPEN');
const id = matching(/^[1-9]\d{0,18}$/, 'the number of a ledger transfer');
const chainId = matching(/^[1-9]\d{0,18}$/, 'a chain id');
const count = z.number().int().min(0).max(2_147_483_647);
const ppm = z.number().int().min(0).max(1_000_000);
const bps = z.number().int().min(0).max(10_000);
const numberOfReceipt = matching(/^R-\d{6,10}$/, 'a receipt number');
const time = z
  .string()
  .refine((value) => isTime(value), 'is not a time in UTC with milliseconds, like 2026-01-31T09:00:00.000Z');

function isTime(value: string): boolean {
  const at = new Date(value);
  return !Number.isNaN(at.getTime()) && at.toISOString() === value;
}

const partsOf = <T extends z.ZodTypeAny>(one: T) =>
  z.object({ data: one, creator: one, node: one, platform: one }).strict();

const paidShare = {
  contributor: text,
  contribution: name.nullable(),
  contributionHash: hash.nullable(),
  sharePpm: ppm,
  amountNano: nano,
  weight: z.number().int().min(1).optional(),
};

const attribution = {
  at: time,
  alphaPpm: ppm,
  noiseFloor: z.number().min(0),
  storeHash: text,
  note: text.nullable(),
};

const share = { kind: z.enum(['influence', 'fallback']), ...paidShare };
const thirdShare = { kind: z.enum(['influence', 'retrieval', 'fallback']), ...paidShare };

const measurement = z
  .object({
    method: text,
    modelHash: text,
    curvatureHash: text,
    baseNll: z.number().min(0).nullable(),
    adapterNll: z.number().min(0).nullable(),
    seed: z.number().int().nullable(),
    totalPpm: ppm,
    count,
    top: z.array(
      z
        .object({
          kind: z.enum(['influence', 'retrieval']),
          contribution: name,
          sharePpm: ppm,
          score: z.number(),
          paidPpm: ppm,
          why: text.nullable(),
        })
        .strict(),
    ),
  })
  .strict();

const both = {
  call: name,
  person: name,
  promptHash: hash,
  answerHash: hash,
  finish: z.enum(['stop', 'length', 'cancelled', 'deadline']),
  promptTokens: count,
  answerTokens: count,
  rateCard: z.object({ perCall: nano, per1kPrompt: nano, per1kAnswer: nano }).strict(),
  ceilingNano: nano,
  priceNano: nano,
  splitBps: partsOf(bps),
  partsNano: partsOf(nano),
  capturedHash: hash.nullable(),
};

const model = { slug: name, version: count, versionId: name };

/** Schemas 2 and 3 alike. */
const sinceSecond = {
  ...both,
  number: numberOfReceipt,
  model: z
    .object({
      ...model,
      creator: name,
      adapterSha256: matching(/^[0-9a-f]{64}$/, 'a SHA-256').nullable(),
    })
    .strict(),
  datanetVersion: z.object({ slug: name, number: count, merkleRoot: hash }).strict(),
  hold: z.object({ id: name, amountNano: nano, grantNano: nano, balanceNano: nano }).strict(),
  paidFrom: z.object({ grantNano: nano, balanceNano: nano }).strict(),
  transfers: z.object({ hold: id, capture: id }).strict(),
  times: z.object({ quoted: time, held: time, captured: time }).strict(),
  settlement: z.object({ chainId, registry: address }).strict().nullable(),
  signer: address,
};

const paid = { ...attribution, splitTransfer: id.nullable(), signer: address };

const receipt = z
  .object({
    ...sinceSecond,
    schema: z.literal(RECEIPT_SCHEMA),
    attribution: z
      .object({
        ...paid,
        shares: z.array(z.object(thirdShare).strict()),
        measurement: measurement.nullable(),
        combinationPpm: z.object({ influence: ppm, retrieval: ppm, fallback: ppm }).strict(),
      })
      .strict()
      .nullable(),
  })
  .strict();

const secondReceipt = z
  .object({
    ...sinceSecond,
    schema: z.literal(SECOND_RECEIPT_SCHEMA),
    attribution: z
      .object({ ...paid, shares: z.array(z.object(share).strict()) })
      .strict()
      .nullable(),
  })
  .strict();

const oldReceipt = z
  .object({
    ...both,
    schema: z.literal(OLD_RECEIPT_SCHEMA),
    at: time,
    model: z.object(model).strict(),
    datanetVersion: z.object({ number: count, merkleRoot: hash }).strict(),
    attribution: z
      .object({ ...attribution, shares: z.array(z.object({ ...share, account: name }).strict()) })
      .strict()
      .nullable(),
  })
  .strict();

const refund = z
  .object({
    note: z
      .object({
        schema: z.literal('openmodels/refund-note/1'),
        receipt: numberOfReceipt,
        capturedHash: hash,
        transfer: id,
        amountNano: nano,
        reason: text,
        at: time,
        signer: address,
      })
      .strict(),
    signature,
  })
  .strict();

const receiptFileShape = z
  .object({
    receipt: z.discriminatedUnion('schema', [receipt, secondReceipt, oldReceipt]),
    signature: signature.nullable(),
    signer: address.nullable(),
    epoch: z
      .object({
        number: z.number().int().min(1),
        root: hash,
        proof: z.array(hash).max(64),
        chainId: chainId.nullable(),
        registry: address.nullable(),
      })
      .strict()
      .nullable(),
    refunds: z.array(refund).optional(),
    private: z
      .object({
        salt: hash,
        prompt: z.array(z.object({ role: name, content: z.string() }).strict()).min(1),
        answer: z.string(),
      })
      .strict()
      .optional(),
  })
  .strict();

/** The first thing that is wrong, as "path: what"; null when the shape is right. */
export function wrongShape(file: unknown): string | null {
  const parsed = receiptFileShape.safeParse(file);
  if (parsed.success) return null;
  const [issue] = parsed.error.issues;
  const surplus = issue.code === 'unrecognized_keys' ? `.${issue.keys[0]}` : '';
  const path = `${issue.path.join('.')}${surplus}`.replace(/^\./, '') || 'the file';
  return `${path} ${surplus === '' ? issue.message : 'does not belong there'}`;
}
