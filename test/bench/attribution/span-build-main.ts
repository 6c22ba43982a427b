// Child process of the span measure: builds the index of a corpus in a folder (arguments: folder, tokens) and prints what it
// took as one JSON line: time and processor time of building, and the most memory the process ever held beside what the
// contributions themselves take (Linux).
import { readFileSync } from 'node:fs';
import { buildSpanIndex } from '../../../engine/attribution/spans/span-index-build.ts';
import { spanCorpus } from './span-corpus.ts';

const [indexDir, tokens] = process.argv.slice(2);
const { examples } = spanCorpus(Number(tokens));
const memoryKb = (line: 'VmHWM' | 'VmRSS'): number => {
  if (process.platform !== 'linux') return Number.NaN;
  const found = new RegExp(`^${line}:\\s*(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]);
};
const before = { kb: memoryKb('VmRSS'), cpu: process.cpuUsage(), at: performance.now() };
const built = buildSpanIndex({ indexDir, examples });
const seconds = (performance.now() - before.at) / 1000;
const { user, system } = process.cpuUsage(before.cpu);
const peakKb = memoryKb('VmHWM') - before.kb;
console.log(JSON.stringify({ ...built, seconds, cpuSeconds: (user + system) / 1e6, peakKb }));
