// Builds the base model's corpus: one stream of token ids, shuffled, with the tokenizer trained on the same text.
// Used by: a person, before pre-training:  node engine/corpus/build-corpus.ts --data DIR --out DIR [--tokenizer FILE]
// (an earlier tokenizer.json, where a model that was trained with it shall go on with other weights of the sources).
// Writes tokenizer.json, tokenizer_config.json, train.u16, train-last.u16 (the last stage's mixture) and
// valid-<source>.u16 (little-endian token ids), instruct.jsonl (conversations for the instruct-tuning after it),
// facts-heldout.jsonl (the examination) and corpus.json.
// Invariants: the same data gives the same bytes; a document is on one side only, training or held out.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chatTemplate, tokenizerConfigJson } from './chat-markup.ts';
import type { CorpusDocument } from './corpus-document.ts';
import { createCorpusEncoder } from './corpus-encoder.ts';
import { corpusSources } from './corpus-sources.ts';
import { readFactbookPlaces } from './factbook-places.ts';
import { heldOutQuestion, phrasedFacts } from './factbook-questions.ts';
import { type InstructRow, instructRows } from './instruct-rows.ts';
import { hashText, type SeededRandom, seededRandom } from './seeded-random.ts';
import {
  type BpeVocabulary,
  countWords,
  readVocabulary,
  specialTokens,
  toTokenizerJson,
  trainBpe,
} from './train-tokenizer.ts';
import { typedByHand } from './typed-by-hand.ts';

const vocabSize = 4096;
const seed = 20261121;
/** Text the vocabulary is trained on; more changes nothing but the time. */
const tokenizerSampleBytes = 16_000_000;
/** One document in this many is held out, until a source has enough. */
const heldOutEvery = 100;
const heldOutTokensMax = 40_000;

interface SourceReport {
  readonly name: string;
  readonly files: readonly string[];
  readonly licence: string;
  readonly weight: number;
  readonly lastWeight: number;
  readonly instructWeight: number;
  readonly documents: number;
  readonly bytes: number;
  readonly trainTokens: number;
  readonly lastTokens: number;
  readonly instructRows: number;
  readonly validTokens: number;
}

interface SourceDocuments {
  readonly source: (typeof corpusSources)[number];
  readonly train: readonly CorpusDocument[];
  readonly valid: readonly CorpusDocument[];
}

function main(): void {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { data: text, out: text, tokenizer: text } });
  if (values.data === undefined || values.out === undefined)
    throw new Error('usage: node engine/corpus/build-corpus.ts --data DIR --out DIR [--tokenizer FILE]');
  mkdirSync(values.out, { recursive: true });
  const random = seededRandom(seed);

  const read = corpusSources.map((source) => splitHeldOut(source, source.read(values.data ?? '', random)));
  const vocabulary =
    values.tokenizer === undefined
      ? trainVocabulary(read, random)
      : readVocabulary(JSON.parse(readFileSync(values.tokenizer, 'utf8')));
  const encode = createDocumentEncoder(vocabulary, random);

  const stream: (readonly number[])[] = [];
  const lastStream: (readonly number[])[] = [];
  const instruct: InstructRow[] = [];
  const reports: SourceReport[] = [];
  for (const { source, train, valid } of read) {
    const encoded = weighted(train, source.weight, random).map(encode);
    for (const ids of encoded) stream.push(ids);
    const last = weighted(train, source.lastWeight, random).map(encode);
    for (const ids of last) lastStream.push(ids);
    // A generator of its own: rows for instruct-tuning leave the streams as they are.
    const ownRandom = seededRandom(seed + hashText(source.name));
    const rows = instructRows(weighted(train, source.instructWeight, ownRandom), ownRandom);
    for (const row of rows) instruct.push(row);
    const held = takeTokens(random.shuffle(valid).map(encode), heldOutTokensMax);
    writeTokens(join(values.out, `valid-${source.name}.u16`), held);
    reports.push({
      name: source.name,
      files: source.files,
      licence: source.licence,
      weight: source.weight,
      lastWeight: source.lastWeight,
      instructWeight: source.instructWeight,
      documents: train.length,
      bytes: train.reduce((sum, document) => sum + Buffer.byteLength(textOf(document)), 0),
      trainTokens: countTokens(encoded),
      lastTokens: countTokens(last),
      instructRows: rows.length,
      validTokens: countTokens(held),
    });
  }
  writeTokens(join(values.out, 'train.u16'), random.shuffle(stream));
  writeTokens(join(values.out, 'train-last.u16'), random.shuffle(lastStream));
  const instructLines = seededRandom(seed)
    .shuffle(instruct)
    .map((row) => JSON.stringify(row));
  writeFileSync(join(values.out, 'instruct.jsonl'), `${instructLines.join('\n')}\n`);
  writeHeldOutFacts(values.data, join(values.out, 'facts-heldout.jsonl'));
  writeJson(join(values.out, 'tokenizer.json'), toTokenizerJson(vocabulary));
  writeJson(join(values.out, 'tokenizer_config.json'), tokenizerConfigJson());
  writeJson(join(values.out, 'corpus.json'), {
    vocab: vocabulary.tokens.length,
    seed,
    trainTokens: countTokens(stream),
    lastTokens: countTokens(lastStream),
    chatTemplate,
    sources: reports,
  });
  console.table(
    reports.map(({ name, documents, bytes, weight, trainTokens, lastTokens, instructRows, validTokens }) => ({
      name,
      documents,
      bytes,
      weight,
      trainTokens,
      lastTokens,
      instructRows,
      validTokens,
    })),
  );
  console.log(JSON.stringify({ vocab: vocabulary.tokens.length, trainTokens: countTokens(stream) }));
}

/** Every trained fact, asked as no training text asks: {kind, question, expected}. */
function writeHeldOutFacts(dataFolder: string, path: string): void {
  const lines = readFactbookPlaces(dataFolder)
    .flatMap(phrasedFacts)
    .flatMap((fact) => {
      const question = heldOutQuestion(fact);
      if (question === undefined) return [];
      return [JSON.stringify({ kind: fact.id.split('/')[1], question, expected: fact.answer })];
    });
  writeFileSync(path, `${lines.join('\n')}\n`);
}

function splitHeldOut(
  source: SourceDocuments['source'],
  documents: readonly CorpusDocument[],
): SourceDocuments {
  const isHeld = (document: CorpusDocument) => hashText(document.id) % heldOutEvery === 0;
  return {
    source,
    train: documents.filter((document) => !isHeld(document)),
    valid: documents.filter(isHeld),
  };
}

/** Weight 2.5: everything twice and a random half once more. */
function weighted(
  documents: readonly CorpusDocument[],
  weight: number,
  random: SeededRandom,
): readonly CorpusDocument[] {
  const out: CorpusDocument[] = [];
  for (let pass = 0; pass < Math.floor(weight); pass++) for (const document of documents) out.push(document);
  const rest = Math.round((weight % 1) * documents.length);
  if (rest > 0) for (const document of random.shuffle(documents).slice(0, rest)) out.push(document);
  return out;
}

function textOf(document: CorpusDocument): string {
  return document.kind === 'prose' ? document.text : document.turns.map((turn) => turn.content).join('\n');
}

/** Trains on a sample with the sources in the proportions they have in the stream. */
function trainVocabulary(read: readonly SourceDocuments[], random: SeededRandom): BpeVocabulary {
  const documents = random.shuffle(
    read.flatMap(({ source, train }) => weighted(train, source.weight, random)),
  );
  const counts = new Map<string, number>();
  let bytes = 0;
  for (const document of documents) {
    if (bytes > tokenizerSampleBytes) break;
    // Turn by turn: each starts a text of its own, without a space before it.
    const texts = document.kind === 'prose' ? [document.text] : document.turns.map((turn) => turn.content);
    for (const text of texts) {
      countWords(text, counts);
      bytes += text.length;
    }
  }
  return trainBpe(counts, vocabSize);
}

/** Documents to ids, ended by eos. Questions are sometimes typed carelessly, as people do. */
function createDocumentEncoder(
  vocabulary: BpeVocabulary,
  random: SeededRandom,
): (document: CorpusDocument) => readonly number[] {
  const encode = createCorpusEncoder(vocabulary);
  const id = (token: (typeof specialTokens)[number]) => specialTokens.indexOf(token);
  return (document) => {
    const ids: number[] = [];
    const append = (text: string) => {
      for (const token of encode(text)) ids.push(token);
    };
    if (document.kind === 'prose') append(document.text);
    else
      for (const { role, content } of document.turns) {
        ids.push(id(`<|${role}|>`));
        append(role === 'user' ? typedByHand(content, random) : content);
        ids.push(id('<|end|>'));
      }
    ids.push(id('<|eos|>'));
    return ids;
  };
}

function takeTokens(
  documents: readonly (readonly number[])[],
  tokensMax: number,
): readonly (readonly number[])[] {
  const out: (readonly number[])[] = [];
  let tokens = 0;
  for (const ids of documents) {
    if (tokens + ids.length > tokensMax) break;
    out.push(ids);
    tokens += ids.length;
  }
  return out;
}

const countTokens = (documents: readonly (readonly number[])[]) =>
  documents.reduce((sum, ids) => sum + ids.length, 0);

function writeTokens(path: string, documents: readonly (readonly number[])[]): void {
  const all = new Uint16Array(countTokens(documents));
  let at = 0;
  for (const ids of documents) {
    all.set(ids, at);
    at += ids.length;
  }
  writeFileSync(path, new Uint8Array(all.buffer));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
}

main();
