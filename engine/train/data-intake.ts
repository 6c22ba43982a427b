// Reading training data row by row: JSONL bytes -> checked rows, and a report of what was left out. Used by the
// readers of examples, pairs and thumbs (sft-data.ts, preference-data.ts). It knows no tokenizer and no loss.
// Invariant: rows = kept + skipped, always; a bad row stops the run or is counted with its number and the reason,
// and a row that is cut to fit is named too, so nothing is lost in silence.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { EngineError } from '../errors.ts';

/** What is done with a bad row: the run stops, or goes on without it and says so in its report. */
export interface BadDataPolicy {
  readonly onBadRow: 'stop' | 'skip';
}

const reasonWords = {
  wrong_encoding: 'not UTF-8',
  nul_bytes: 'holds NUL characters',
  not_json: 'not JSON',
  wrong_fields: 'not of the expected form',
  roles_out_of_order: 'roles out of order',
  no_answer: 'the last message is no answer',
  empty_prompt: 'empty question',
  empty_answer: 'empty answer',
  same_answers: 'chosen and rejected are the same',
  duplicate_id: 'duplicate id',
  too_long: 'too long',
} as const;

export type BadRowReason = keyof typeof reasonWords;

interface BadRow {
  /** Line of the file, from 1. */
  readonly row: number;
  readonly id?: string;
  readonly reason: BadRowReason;
  readonly detail: string;
}

/** What became of a file's rows. Goes into training.json and to whoever follows the run. */
export interface DataReport {
  /** Name of the file, without its folder. */
  readonly file: string;
  /** Lines that are not blank. */
  readonly rows: number;
  readonly kept: number;
  readonly skipped: number;
  readonly reasons: Readonly<Partial<Record<BadRowReason, number>>>;
  /** The first 10 skipped rows. */
  readonly firstSkipped: readonly BadRow[];
  /** Rows longer than the run's most tokens, kept without their end. */
  readonly cut: number;
  /** The first 10 cut rows; `tokens` before cutting. */
  readonly firstCut: readonly { readonly row: number; readonly id: string; readonly tokens: number }[];
}

/** A row that cannot be used, as its parser sees it. */
export interface RowFault {
  readonly fault: BadRowReason;
  readonly detail?: string;
}

/** The good rows of a file, with what is needed to judge them further. */
export interface DataIntake<T> {
  readonly path: string;
  readonly policy: BadDataPolicy;
  readonly rows: readonly { readonly row: number; readonly value: T }[];
  readonly report: DataReport;
}

/** A longer line is not parsed. Far above the 50,000 tokens of the worst rows seen in public sets. */
const lineBytesMax = 2 ** 20;
/** A row is cut down to the run's most tokens; one of more than this many times as many is bad data. */
const cutFactorMax = 8;
const namedMax = 10;

/** @returns whether the parser found a fault instead of a value. */
export function isFault<T extends object>(value: T | RowFault): value is RowFault {
  return 'fault' in value;
}

/**
 * Reads a JSONL file. Blank lines are left out and not counted; a row without an id gets its line number.
 *
 * @param parse checks one row's fields.
 * @throws EngineError `file_unreadable`, or `examples_malformed` naming file, row and reason: at the first bad row
 *   where the policy is to stop, for a file in UTF-16, or when no row is left.
 */
export function readDataRows<T extends { readonly id?: string }>(
  path: string,
  policy: BadDataPolicy,
  parse: (row: unknown) => T | RowFault,
): DataIntake<T & { readonly id: string }> {
  const bytes = readBytes(path);
  const tally = createTally(path, policy);
  const firstRowOf = new Map<string, number>();
  const rows: { row: number; value: T & { readonly id: string } }[] = [];
  let count = 0;
  for (const { row, line } of linesOf(bytes)) {
    const text = decodeLine(line);
    if (text === '') continue;
    count += 1;
    const value = typeof text === 'string' ? parseRow(text, parse) : text;
    if (isFault(value)) {
      tally.skip(row, value);
      continue;
    }
    const id = value.id ?? String(row);
    const before = firstRowOf.get(id);
    if (before !== undefined) {
      tally.skip(row, { fault: 'duplicate_id', detail: `row ${before} has it too` }, id);
      continue;
    }
    firstRowOf.set(id, row);
    rows.push({ row, value: { ...value, id } });
  }
  if (count === 0) throw malformed(path, 1, 'no examples');
  return { path, policy, rows, report: tally.report(count, rows.length) };
}

/**
 * Turns rows into tokens. A row of more than `maxTokens` is cut by `tokenise` and named in the report; one of more
 * than 8 times as many is bad data, as what were left of it would hardly be the same row.
 *
 * @param tokenise gives the value and the row's number of tokens before cutting.
 * @throws as readDataRows
 */
export function tokeniseRows<T extends { readonly id: string }, U>(
  intake: DataIntake<T>,
  maxTokens: number,
  tokenise: (value: T) => { readonly value: U; readonly tokens: number } | RowFault,
): { readonly examples: readonly U[]; readonly report: DataReport } {
  const tally = createTally(intake.path, intake.policy, intake.report);
  const examples: U[] = [];
  for (const { row, value } of intake.rows) {
    const result = tokenise(value);
    if (isFault(result)) {
      tally.skip(row, result, value.id);
    } else if (result.tokens > cutFactorMax * maxTokens) {
      const detail = `${result.tokens} tokens, ${cutFactorMax * maxTokens} at most`;
      tally.skip(row, { fault: 'too_long', detail }, value.id);
    } else {
      if (result.tokens > maxTokens) tally.cut({ row, id: value.id, tokens: result.tokens });
      examples.push(result.value);
    }
  }
  return { examples, report: tally.report(intake.report.rows, examples.length) };
}

/** `2 of 10 rows skipped (empty answer 1, duplicate id 1): row 3 (empty answer), ...; 1 cut`, for people; empty if all is well. */
export function describeReport(report: DataReport): string {
  const { rows, skipped, cut, firstSkipped, firstCut } = report;
  const reasons = Object.entries(report.reasons) as readonly (readonly [BadRowReason, number])[];
  const more = (shown: number, all: number): string => (all > shown ? ', …' : '');
  const parts = [
    skipped > 0 &&
      `${skipped} of ${rows} rows skipped (${reasons.map(([reason, n]) => `${reasonWords[reason]} ${n}`).join(', ')}): ` +
        `${firstSkipped.map(({ row, reason }) => `row ${row} (${reasonWords[reason]})`).join(', ')}${more(firstSkipped.length, skipped)}`,
    cut > 0 &&
      `${cut} of ${rows} rows cut to fit: ` +
        `${firstCut.map(({ row, tokens }) => `row ${row} (${tokens} tokens)`).join(', ')}${more(firstCut.length, cut)}`,
  ];
  return parts.filter((part) => part !== false).join('; ');
}

interface Tally {
  /** @throws EngineError where the policy is to stop. */
  readonly skip: (row: number, fault: RowFault, id?: string) => void;
  readonly cut: (row: DataReport['firstCut'][number]) => void;
  /** @throws EngineError when nothing is left. */
  readonly report: (rows: number, kept: number) => DataReport;
}

function createTally(path: string, policy: BadDataPolicy, before?: DataReport): Tally {
  const reasons: Partial<Record<BadRowReason, number>> = { ...before?.reasons };
  const firstSkipped = [...(before?.firstSkipped ?? [])];
  const firstCut = [...(before?.firstCut ?? [])];
  let skipped = before?.skipped ?? 0;
  let cut = before?.cut ?? 0;
  return {
    skip: (row, { fault, detail = '' }, id) => {
      if (policy.onBadRow === 'stop') {
        const named = id === undefined ? '' : ` (id ${id})`;
        throw malformed(path, row, `${reasonWords[fault]}${named}${detail && `: ${detail}`}`);
      }
      skipped += 1;
      reasons[fault] = (reasons[fault] ?? 0) + 1;
      const bad = { row, ...(id === undefined ? {} : { id }), reason: fault, detail };
      if (firstSkipped.length < namedMax) firstSkipped.push(bad);
    },
    cut: (row) => {
      cut += 1;
      if (firstCut.length < namedMax) firstCut.push(row);
    },
    report: (rows, kept) => {
      if (rows !== kept + skipped) throw new Error(`bug: ${rows} rows, ${kept} kept, ${skipped} skipped`);
      const report = { file: basename(path), rows, kept, skipped, reasons, firstSkipped, cut, firstCut };
      if (kept === 0)
        throw malformed(path, firstSkipped[0]?.row ?? 1, `no examples: ${describeReport(report)}`);
      return report;
    },
  };
}

function malformed(path: string, row: number, what: string): EngineError {
  return new EngineError(`${path}:${row}: ${what}`, { code: 'examples_malformed', retry: 'never' });
}

function readBytes(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw malformed(path, 1, `${reasonWords.wrong_encoding}: the file is UTF-16, save it as UTF-8`);
  }
  return bytes;
}

function* linesOf(bytes: Buffer): Generator<{ readonly row: number; readonly line: Buffer }> {
  for (let row = 1, from = 0; from < bytes.length; row++) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end;
    yield { row, line: bytes.subarray(from, to) };
    from = to + 1;
  }
}

/** The text of a line without white space around it; it may be empty. */
function decodeLine(line: Buffer): string | RowFault {
  if (line.length > lineBytesMax) {
    return { fault: 'too_long', detail: `${line.length} bytes, ${lineBytesMax} at most` };
  }
  if (line.includes(0)) return { fault: 'nul_bytes', detail: 'UTF-16 without a mark?' };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line).trim();
  } catch {
    return { fault: 'wrong_encoding' };
  }
}

function parseRow<T extends object>(text: string, parse: (row: unknown) => T | RowFault): T | RowFault {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    const isList = text.startsWith('[') || text.endsWith(',');
    return { fault: 'not_json', ...(isList && { detail: 'a list? each line has to be one JSON object' }) };
  }
  return damageOf(row) ?? parse(row);
}

/** Escapes can bring in what bytes may not: half a surrogate pair or NUL; U+FFFD is left where text was lost before. */
function damageOf(value: unknown): RowFault | undefined {
  if (typeof value === 'string') {
    if (value.includes('\0')) return { fault: 'nul_bytes' };
    if (!value.isWellFormed()) return { fault: 'wrong_encoding', detail: 'half a surrogate pair' };
    if (value.includes('\ufffd'))
      return { fault: 'wrong_encoding', detail: 'characters were lost before (U+FFFD)' };
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const part of Object.values(value)) {
    const damage = damageOf(part);
    if (damage) return damage;
  }
  return undefined;
}
