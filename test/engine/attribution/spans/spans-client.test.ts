// The span index from its child process to its worker: built beside, opened when asked, replaced, missing, broken.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildSpansInChild } from '../../../../engine/attribution/spans/build-spans-process.ts';
import { buildSpanIndex } from '../../../../engine/attribution/spans/span-index-build.ts';
import { createSpansClient } from '../../../../engine/attribution/spans/spans-client.ts';
import type { Example } from '../../../../engine/engine.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const folder = temporaryFolder();
const client = createSpansClient();
afterAll(() => client.close());

const examples: readonly Example[] = [
  { id: 'gate', question: 'Who keeps the gate?', answer: 'Old Marta keeps the gate of the orchard.' },
  { id: 'well', question: 'How deep is the well?', answer: 'The well is forty feet deep.\nIt never dries.' },
];
const find = (indexDir: string, text: string) => client.find({ indexDir, text, spansMax: 5, examplesMax: 5 });

describe('the span index of a version', () => {
  it('is built by a child process, the same bytes for the same examples, and answers', async () => {
    const indexDir = join(folder, 'index');
    const built = await buildSpansInChild({ indexDir, examples });
    expect(built).toEqual(buildSpanIndex({ indexDir: join(folder, 'again'), examples }));
    expect(built.tokens).toBe(35); // 31 words and marks, 4 ends of texts
    const bytes = (name: string, file: string) => readFileSync(join(folder, name, file)).toString('hex');
    for (const file of readdirSync(indexDir)) expect(bytes('again', file)).toBe(bytes('index', file));
    const spans = await find(indexDir, 'They say: the well is forty feet deep. It never dries!');
    expect(spans.map(({ text, exampleIds }) => [text, exampleIds])).toEqual([
      ['the well is forty feet deep. It never dries', ['well']],
    ]);
  });

  it('has another hash when an example changes, or their order', () => {
    const hash = (list: readonly Example[]) =>
      buildSpanIndex({ indexDir: join(folder, 'h'), examples: list }).indexHash;
    const hashes = [examples, examples.toReversed(), [examples[0], { ...examples[1], answer: 'Deep.' }]].map(
      hash,
    );
    expect(new Set(hashes).size).toBe(3);
  });

  it('is opened anew when it was replaced', async () => {
    const indexDir = join(folder, 'replaced');
    buildSpanIndex({ indexDir, examples: examples.slice(0, 1) });
    expect(await find(indexDir, 'the well is forty feet deep')).toEqual([]);
    buildSpanIndex({ indexDir, examples });
    expect(await find(indexDir, 'the well is forty feet deep')).toHaveLength(1);
    rmSync(indexDir, { recursive: true });
    await expect(find(indexDir, 'the well')).rejects.toMatchObject({
      code: 'span_index_missing',
      retry: 'never',
    });
  });

  it('keeps answering from more indexes than it holds open', async () => {
    for (const round of [1, 2])
      for (let i = 0; i < 12; i++) {
        const indexDir = join(folder, `many-${i}`);
        if (round === 1) buildSpanIndex({ indexDir, examples: [{ ...examples[0], id: `gate-${i}` }] });
        expect(await find(indexDir, 'keeps the gate of the orchard')).toMatchObject([
          { exampleIds: [`gate-${i}`] },
        ]);
      }
  });

  it('is refused, with its folder in the message, when a file does not fit', async () => {
    for (const file of [
      'tokens.bin',
      'suffixes.bin',
      'first.bin',
      'begins.bin',
      'sample.bin',
      'words.txt',
      'ids.json',
    ]) {
      const indexDir = join(folder, `broken-${file}`);
      buildSpanIndex({ indexDir, examples });
      appendFileSync(join(indexDir, file), '\nxx');
      await expect(find(indexDir, 'the well')).rejects.toMatchObject({
        code: 'span_index_malformed',
        message: expect.stringContaining(indexDir),
      });
    }
    const indexDir = join(folder, 'broken-meta');
    mkdirSync(indexDir);
    writeFileSync(join(indexDir, 'meta.json'), '{"format":"gradient-store/1"}');
    await expect(find(indexDir, 'the well')).rejects.toMatchObject({ code: 'span_index_malformed' });
  });

  it('leaves no trace of a build that was cancelled or could not be written', async () => {
    const cancelled = join(folder, 'cancelled', 'index');
    mkdirSync(join(folder, 'cancelled'));
    await expect(
      buildSpansInChild({ indexDir: cancelled, examples }, AbortSignal.abort()),
    ).rejects.toMatchObject({
      code: 'span_build_cancelled',
      retry: 'safe',
    });
    expect(readdirSync(join(folder, 'cancelled'))).toEqual([]);
    writeFileSync(join(folder, 'a-file'), '');
    await expect(
      buildSpansInChild({ indexDir: join(folder, 'a-file', 'index'), examples }),
    ).rejects.toMatchObject({ code: 'span_index_unwritable' });
  });

  it('fails the calls under way when its worker dies, and answers the next', async () => {
    const indexDir = join(folder, 'index');
    client.crash();
    await expect(find(indexDir, 'the well')).rejects.toMatchObject({ code: 'worker_died', retry: 'safe' });
    expect(await find(indexDir, 'the well is forty feet deep')).toHaveLength(1);
  });

  it('refuses when the engine is closed', async () => {
    const other = createSpansClient();
    await other.close();
    const request = { indexDir: join(folder, 'index'), text: 'the well', spansMax: 1, examplesMax: 1 };
    await expect(other.find(request)).rejects.toMatchObject({ code: 'engine_closed' });
  });
});
