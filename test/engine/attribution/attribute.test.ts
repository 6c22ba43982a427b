// The whole way on a tiny model that learned 24 answers: store built in a child process, answers attributed in the
// worker thread. Covered: self-retrieval, alpha, decoys, duplicates, mismatched stores, a dying worker.
// Not covered here: quality on a real model (npm run attribution-eval prints it).
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AttributeClient, createAttributeClient } from '../../../engine/attribution/attribute-client.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { buildStoreInChild } from '../../../engine/attribution/build-store-process.ts';
import { readStoreMeta } from '../../../engine/attribution/gradient-store.ts';
import type { SampleShares } from '../../../engine/engine.ts';
import { decoys, examples, makeTinyVersion, type TinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'attribution-'));
const storeDir = join(folder, 'store');
let version: TinyVersion;
let client: AttributeClient;
let storeHash = '';
const progress: number[] = [];

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  const build = { ...version, storeDir, examples, decoys };
  ({ storeHash } = await buildStoreInChild(build, (done) => progress.push(done)));
  client = createAttributeClient({ modelDir: version.modelDir });
});
afterAll(async () => {
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (question: string, answer: string): Promise<SampleShares> =>
  client.attribute({
    adapter: version.adapter,
    storeDir,
    messages: [{ role: 'user', content: question }],
    answer,
  });
const sum = ({ shares }: SampleShares): number => shares.reduce((total, { share }) => total + share, 0);

describe('attribution on a tiny model', () => {
  it('counts 36 gradients at each of 2 points while building, and builds the same store twice', async () => {
    expect(progress).toEqual(Array.from({ length: 72 }, (_, i) => i + 1));
    expect(storeHash).toMatch(/^[0-9a-f]{64}$/);
    const again = { ...version, storeDir: join(folder, 'again'), examples, decoys };
    expect(await buildGradientStore(again)).toBe(storeHash);
  });

  it("ranks each example's own contribution first for its own answer, 24 of 24", async () => {
    for (const { id, question, answer } of examples) {
      const found = await ask(question, answer);
      expect(found.shares[0]?.exampleId).toBe(id);
      expect(found.storeHash).toBe(storeHash);
      expect(found.alpha).toBeGreaterThan(0.5);
      expect(sum(found)).toBeCloseTo(found.alpha, 9);
      expect(found.shares.every(({ share, score }) => share > 0 && score > found.noiseFloor)).toBe(true);
    }
  });

  it('gives the same shares to the bit when asked twice', async () => {
    const { question, answer } = examples[3];
    expect(await ask(question, answer)).toEqual(await ask(question, answer));
  });

  it('answers 13 calls that wait together as each alone; the one that breaks breaks alone', async () => {
    const some = examples.slice(0, 12);
    const alone: SampleShares[] = [];
    for (const { question, answer } of some) alone.push(await ask(question, answer));
    const broken = { ...examples[0], answer: undefined as unknown as string };
    const waiting = [...some.slice(0, 5), broken, ...some.slice(5)];
    const results = await Promise.allSettled(waiting.map(({ question, answer }) => ask(question, answer)));
    const [failed] = results.splice(5, 1);
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'attribution_failed' } });
    expect(results).toEqual(alone.map((value) => ({ status: 'fulfilled', value })));
  });

  it('gives nothing for an empty answer and little for one that the adapter makes less likely', async () => {
    expect(await ask(examples[0].question, ' ')).toMatchObject({ shares: [], alpha: 0 });
    const wrong = await ask(examples[0].question, 'nest nest nest');
    expect(wrong.alpha).toBeLessThan(0.2);
    expect(sum(wrong)).toBeLessThanOrEqual(wrong.alpha + 1e-12);
  });

  it('pays a datum once: five copies of an example leave all shares as they were', async () => {
    const copies = Array.from({ length: 5 }, (_, i) => ({ ...examples[7], id: `copy-${i}` }));
    const copied = join(folder, 'copied');
    await buildGradientStore({ ...version, storeDir: copied, examples: [...examples, ...copies], decoys });
    const { question, answer } = examples[7];
    const request = {
      adapter: version.adapter,
      messages: [{ role: 'user', content: question }] as const,
      answer,
    };
    const { shares } = await client.attribute({ ...request, storeDir: copied });
    expect(shares[0].copyIds).toEqual(['copy-0', 'copy-1', 'copy-2', 'copy-3', 'copy-4']);
    expect(shares.map(({ copyIds: _, ...share }) => share)).toEqual((await ask(question, answer)).shares);
  });

  it('has no decoy that an example states: what was contributed since puts no floor under its own pay', async () => {
    const known = [
      { ...examples[7], id: 'decoy-known' },
      { ...examples[2], id: 'decoy-too', question: `Hello! ${examples[2].question}` },
    ];
    const built = join(folder, 'known');
    await buildGradientStore({ ...version, storeDir: built, examples, decoys: [...known, ...decoys] });
    expect(readStoreMeta(built).meta.decoys.map(({ id }) => id)).toEqual(decoys.map(({ id }) => id));
    expect(readStoreMeta(built).storeHash).toBe(storeHash);
  });

  it('refuses a store that was made from another adapter', async () => {
    const other = await makeTinyVersion(join(folder, 'other'));
    await buildGradientStore({
      ...other,
      storeDir: join(folder, 'foreign'),
      examples: examples.slice(1),
      decoys,
    });
    const adapter = { id: 'base as adapter', dir: join(folder, 'changed') };
    cpSync(other.adapter.dir, adapter.dir, { recursive: true });
    const path = join(adapter.dir, 'adapter_config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"lora_alpha": 8', '"lora_alpha": 9'));
    const request = { adapter, storeDir: join(folder, 'foreign'), messages: [], answer: 'red' };
    await expect(client.attribute(request)).rejects.toMatchObject({ code: 'store_mismatch', retry: 'never' });
    const missing = { ...request, storeDir: join(folder, 'nowhere') };
    await expect(client.attribute(missing)).rejects.toMatchObject({ code: 'store_missing' });
  });

  it('names the makers of each sentence: two facts in one answer point to two contributions', async () => {
    const [one, two] = [examples[2], examples[9]];
    const answer = `${one.answer} ${two.answer}`;
    const half = one.answer.length;
    const ranges = [
      { start: 0, end: half },
      { start: half + 1, end: answer.length },
      { start: half, end: half + 1 }, // the space between
    ];
    const request = { adapter: version.adapter, storeDir, answer, ranges };
    const parts = await client.attributeParts({
      ...request,
      messages: [{ role: 'user', content: one.question }],
    });
    expect(parts.map(({ text, start }) => [text, start])).toEqual([
      [one.answer, 0],
      [two.answer, half + 1],
      [' ', half],
    ]);
    expect(parts[0].shares[0].exampleId).toBe(one.id);
    expect(parts[0].alpha).toBeGreaterThan(0.5);
    for (const { shares, alpha } of parts) {
      const total = shares.reduce((all, { share }) => all + share, 0);
      if (shares.length > 0) expect(total).toBeCloseTo(alpha, 9);
    }
    expect(parts[2]).toMatchObject({ shares: [], alpha: 0 });
    const whole = {
      ...request,
      messages: [{ role: 'user', content: one.question }] as const,
      answer: one.answer,
    };
    const [all] = await client.attributeParts({ ...whole, ranges: [{ start: 0, end: half }] });
    expect(all.shares).toEqual((await client.attribute(whole)).shares);
  });

  it('refuses a part that is not in the answer', async () => {
    const request = { adapter: version.adapter, storeDir, messages: [], answer: 'red' };
    const asked = client.attributeParts({ ...request, ranges: [{ start: 1, end: 4 }] });
    await expect(asked).rejects.toThrow('no part of an answer of 3 characters: 1 to 4');
  });

  it('fails calls with retry safe when the worker dies, and answers the next call from a new one', async () => {
    const { question, answer } = examples[5];
    const before = await ask(question, answer);
    client.crash();
    await expect(ask(question, answer)).rejects.toMatchObject({ code: 'worker_died', retry: 'safe' });
    expect(await ask(question, answer)).toEqual(before);
  });

  it('hands on the fault of a build: no examples', async () => {
    const build = buildStoreInChild({ ...version, storeDir: join(folder, 'empty'), examples: [], decoys });
    await expect(build).rejects.toMatchObject({ code: 'store_empty', retry: 'never' });
  });

  it('stops a build on request and leaves no store', async () => {
    const stop = new AbortController();
    stop.abort();
    const build = buildStoreInChild(
      { ...version, storeDir: join(folder, 'stopped'), examples, decoys },
      undefined,
      stop.signal,
    );
    await expect(build).rejects.toMatchObject({ code: 'store_build_cancelled', retry: 'safe' });
  });
});
