// How long it takes to find the words of a 64-word answer in a datanet of ten million, by way of the product's own worker and
// its index on disk; and what building that index takes. Listed by the attribution bench. The files are warm in the system's
// page cache, as those of a model that is asked are; the first lookup, which opens the index, is told apart.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSpansClient } from '../../../engine/attribution/spans/spans-client.ts';
import type { MeasureOf } from '../bench-run.ts';
import { rounded } from '../interleaved.ts';
import { spanAnswers, spanCorpus } from './span-corpus.ts';

interface SpanBench {
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

const [tokens, quickTokens] = [10_000_000, 500_000];
const [lookups, quickLookups] = [2_000, 200];

export const spansMeasure: MeasureOf<SpanBench> = {
  figures: [
    {
      name: 'span-lookup',
      measure: 'spans of a 64-word answer in a datanet of 10,000,000 words, p99',
      unit: 'ms',
      goal: { atMost: 5 },
    },
    { name: 'span-build', measure: 'building its span index, once a version', unit: 's' },
    { name: 'span-build-memory', measure: 'memory of building it, beside the contributions', unit: 'GB' },
  ],
  run: async ({ quick, say }) => {
    const folder = mkdtempSync(join(tmpdir(), 'spans-bench-'));
    const client = createSpansClient();
    try {
      const indexDir = join(folder, 'index');
      const size = quick ? quickTokens : tokens;
      const built = await build(indexDir, size);
      say(`  ${built.tokens} words and marks indexed in ${built.seconds.toFixed(1)} s`);
      const corpus = spanCorpus(size);
      const answers = spanAnswers(corpus, quick ? quickLookups : lookups);
      const ask = async (text: string): Promise<{ readonly ms: number; readonly found: number }> => {
        const started = performance.now();
        const spans = await client.find({ indexDir, text, spansMax: 5, examplesMax: 5 });
        return { ms: performance.now() - started, found: spans.length };
      };
      const first = await ask(answers[0]);
      const asked: { readonly ms: number; readonly found: number }[] = [];
      for (const answer of answers) asked.push(await ask(answer));
      const ms = asked.map((one) => one.ms).sort((a, b) => a - b);
      const megabytes =
        readdirSync(indexDir).reduce((sum, name) => sum + statSync(join(indexDir, name)).size, 0) / 1e6;
      return {
        'span-lookup': {
          value: ms[Math.floor(ms.length * 0.99)],
          low: ms[0],
          high: ms[ms.length - 1],
          details: {
            texts: corpus.source,
            words: built.tokens,
            contributions: corpus.examples.length,
            'median ms': rounded(ms[ms.length >> 1]),
            'first lookup, opening the index, ms': rounded(first.ms),
            'answers with a span, of all': `${asked.filter(({ found }) => found > 0).length} of ${asked.length}`,
            'index on disk, MB': rounded(megabytes),
          },
        },
        'span-build': { value: built.seconds, details: { 'processor s': rounded(built.cpuSeconds) } },
        'span-build-memory': Number.isNaN(built.peakKb)
          ? { missing: 'the peak is read from Linux’s /proc' }
          : { value: (built.peakKb * 1024) / 1e9 },
      };
    } finally {
      await client.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface BuildReport {
  readonly tokens: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakKb: number;
}

/** In a process of its own, so that nothing else is counted. */
async function build(indexDir: string, size: number): Promise<BuildReport> {
  const main = join(import.meta.dirname, 'span-build-main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [main, indexDir, String(size)]);
  const report: BuildReport & { readonly peakKb: number | null } = JSON.parse(stdout);
  return { ...report, peakKb: report.peakKb ?? Number.NaN };
}
