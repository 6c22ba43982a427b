// Receipts of schema 1, as earlier versions of the program wrote them: plain hashes, accounts named beside
// pseudonyms, no signer. They stay readable and verifiable; nothing makes new ones. Used by reading, completion (of a call
// that was captured before the program was renewed) and verification. Pure.
import type { ReceiptAttribution, ReceiptBody, ReceiptShare } from './receipt-body.ts';

export const OLD_RECEIPT_SCHEMA = 'openmodels/receipt/1';

type Shared =
  | 'call'
  | 'person'
  | 'promptHash'
  | 'answerHash'
  | 'finish'
  | 'promptTokens'
  | 'answerTokens'
  | 'rateCard'
  | 'ceilingNano'
  | 'priceNano'
  | 'splitBps'
  | 'partsNano'
  | 'capturedHash';

export interface OldReceiptBody extends Pick<ReceiptBody, Shared> {
  readonly schema: typeof OLD_RECEIPT_SCHEMA;
  readonly at: string;
  readonly model: { readonly slug: string; readonly version: number; readonly versionId: string };
  readonly datanetVersion: { readonly number: number; readonly merkleRoot: string };
  readonly attribution:
    | (Omit<ReceiptAttribution, 'splitTransfer' | 'signer' | 'shares'> & {
        /** `account`: the paid person's id, opaque. */
        readonly shares: readonly (ReceiptShare & { readonly account: string })[];
      })
    | null;
}

/** What both schemas say alike. */
export type AnyReceiptBody = ReceiptBody | OldReceiptBody;

export const isOldReceipt = (body: object): body is OldReceiptBody =>
  (body as { readonly schema?: unknown }).schema === OLD_RECEIPT_SCHEMA;

/** When the call was captured. */
export const capturedAt = (body: AnyReceiptBody): string =>
  isOldReceipt(body) ? body.at : body.times.captured;
