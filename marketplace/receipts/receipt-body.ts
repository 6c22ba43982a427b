// What a receipt says, as canonical JSON, and its hash. Made at capture (attribution pending), completed once by
// attribution; the completed receipt names the hash of its first form, so nothing can be exchanged in between.
// Used by settle-call.ts and attribute-call.ts; verify-receipt.ts recomputes it. Amounts are decimal strings of
// nano-OPEN; the words of question and answer are in it only as hashes, the person only as a pseudonym.
import { id as keccakOfText } from 'ethers';
import type { Tx } from '../../db/database.ts';
import { getDatanetVersion } from '../../db/repositories/datanet-version-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import { getPerson, getPersons } from '../../db/repositories/person-repository.ts';
import type { Call } from '../../db/schema.ts';
import { type PriceParts, splitBpsOf } from '../split-price.ts';
import { canonicalJson, type JsonValue } from './canonical-json.ts';

export const RECEIPT_SCHEMA = 'openmodels/receipt/1';

export interface ReceiptShare {
  readonly kind: 'influence' | 'fallback';
  readonly contributor: string;
  /** Account that was paid; opaque. */
  readonly account: string;
  readonly contribution: string | null;
  /** Hash of the contribution's exact words: the leaf in the datanet version's Merkle tree. */
  readonly contributionHash: string | null;
  readonly sharePpm: number;
  readonly amountNano: string;
}

export interface ReceiptAttribution {
  readonly at: string;
  /** Part of the answer that the adapter explains, in parts per million. */
  readonly alphaPpm: number;
  readonly noiseFloor: number;
  readonly storeHash: string;
  /** Why there are no influence shares, when there are none to expect: no store, or attribution failed for good. */
  readonly note: string | null;
  readonly shares: readonly ReceiptShare[];
}

export interface ReceiptBody {
  readonly schema: typeof RECEIPT_SCHEMA;
  readonly call: string;
  readonly at: string;
  readonly person: string;
  readonly model: { readonly slug: string; readonly version: number; readonly versionId: string };
  readonly datanetVersion: { readonly number: number; readonly merkleRoot: string };
  readonly promptHash: string;
  readonly answerHash: string;
  readonly finish: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly rateCard: { readonly perCall: string; readonly per1kPrompt: string; readonly per1kAnswer: string };
  readonly ceilingNano: string;
  readonly priceNano: string;
  readonly splitBps: {
    readonly data: number;
    readonly creator: number;
    readonly node: number;
    readonly platform: number;
  };
  readonly partsNano: {
    readonly data: string;
    readonly creator: string;
    readonly node: string;
    readonly platform: string;
  };
  /** Hash of this receipt before attribution completed it. */
  readonly capturedHash: string | null;
  readonly attribution: ReceiptAttribution | null;
}

export interface HashedReceipt {
  readonly body: ReceiptBody & { readonly [key: string]: unknown };
  readonly hash: string;
}

/** The receipt of a call at the moment of its capture. */
export async function receiptAtCapture(tx: Tx, call: Call, parts: PriceParts): Promise<HashedReceipt> {
  const model = must(await getModel(tx, call.modelId), 'model', call);
  const version = must(await getModelVersion(tx, call.modelVersionId), 'model version', call);
  const datanet = must(await getDatanetVersion(tx, version.datanetVersionId), 'datanet version', call);
  const person = must(await getPerson(tx, call.personId), 'person', call);
  return hashed({
    schema: RECEIPT_SCHEMA,
    call: call.id,
    at: (call.settledAt ?? call.quotedAt).toISOString(),
    person: person.pseudonym,
    model: { slug: model.slug, version: version.number, versionId: version.id },
    datanetVersion: { number: datanet.number, merkleRoot: datanet.merkleRoot },
    promptHash: call.promptHash,
    answerHash: keccakOfText(call.answer ?? ''),
    finish: call.finishReason ?? 'stop',
    promptTokens: call.promptTokens ?? 0,
    answerTokens: call.answerTokens ?? 0,
    rateCard: {
      perCall: String(model.priceCallNano),
      per1kPrompt: String(model.pricePromptKtokenNano),
      per1kAnswer: String(model.priceAnswerKtokenNano),
    },
    ceilingNano: String(call.ceilingNano),
    priceNano: String(call.priceNano ?? 0n),
    splitBps: splitBpsOf(model),
    partsNano: {
      data: String(parts.dataNano),
      creator: String(parts.creatorNano),
      node: String(parts.nodeNano),
      platform: String(parts.platformNano),
    },
    capturedHash: null,
    attribution: null,
  });
}

/** The receipt with its attribution; `capturedHash` becomes the hash it had before. */
export function completedReceipt(before: HashedReceipt, attribution: ReceiptAttribution): HashedReceipt {
  return hashed({ ...before.body, capturedHash: before.hash, attribution });
}

/** keccak256 of the canonical JSON. */
export function receiptHash(body: ReceiptBody): string {
  return keccakOfText(canonicalJson(body as unknown as JsonValue));
}

/** Pseudonyms of persons, by id. */
export async function pseudonymsOf(
  tx: Tx,
  personIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const persons = await getPersons(tx, [...new Set(personIds)]);
  return new Map(persons.map((person) => [person.id, person.pseudonym]));
}

function hashed(body: ReceiptBody): HashedReceipt {
  return { body: { ...body }, hash: receiptHash(body) };
}

function must<T>(found: T | undefined, what: string, call: Call): T {
  if (found === undefined) throw new Error(`the ${what} of call ${call.id} does not exist`);
  return found;
}
