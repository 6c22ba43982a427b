// `npm run soak`: the whole local engine at full load for half an hour, on a random model of the 15M shape. Used by
// people before a release. Prints a line a minute and a JSON line at the end. Exit codes: 0 all held, 1 something did
// not (it is listed), 2 wrong command. What is asked and asserted: soak.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { benchWeights, shape15, writeModelFolder } from './bench-model.ts';
import { soak } from './soak.ts';
import { writeSoakAdapters } from './soak-adapters.ts';

const help = `npm run soak -- [options]   the engine at full load: random arrivals, prompts, adapters (broken ones too),
                            cancellations, deadlines, floods

  --minutes N        default 30
  --threads N        compute threads, default 1
  --crash-every N    the serving worker dies every N seconds (then memory is not judged)
  --seed N           default 1`;

/** Resident memory may drift by the runtime's own ways; half an hour at this bound is 60 MiB. */
const slopeMaxMiBPerMinute = 2;

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { minutes: text, threads: text, 'crash-every': text, seed: text, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const minutes = Number(values.minutes ?? 30);
  const crashEverySeconds = values['crash-every'] === undefined ? undefined : Number(values['crash-every']);
  if (!(minutes > 0) || (crashEverySeconds !== undefined && !(crashEverySeconds > 0))) {
    console.error('--minutes and --crash-every are numbers above 0; see --help');
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  try {
    const modelDir = join(folder, 'model');
    writeModelFolder(modelDir, shape15, benchWeights(shape15));
    const adapters = writeSoakAdapters(folder, shape15, 400);
    const engine = await createLocalEngine({
      baseDir: modelDir,
      device: 'cpu',
      threads: Number(values.threads ?? 1),
      contextTokensMax: 512,
      adapterBytesMax: 64 * 2 ** 20, // a third of what is known: the pool turns over all the time
      prefixBytesMax: 64 * 2 ** 20,
      log: (line) => console.log(line),
      inform: (line) => console.log(line),
    });
    try {
      const seed = Number(values.seed ?? 1);
      const report = await soak({
        engine,
        adapters,
        seconds: 60 * minutes,
        seed,
        crashEverySeconds,
        onMinute: (line) => console.log(line),
      });
      const grows =
        crashEverySeconds === undefined && report.memorySlopeMiBPerMinute > slopeMaxMiBPerMinute
          ? [`memory grows by ${report.memorySlopeMiBPerMinute.toFixed(2)} MiB a minute`]
          : [];
      const wrongs = [...report.wrongs, ...grows];
      for (const wrong of wrongs) console.log(`WRONG ${wrong}`);
      const { first, last, most } = report.memoryMiB;
      console.log(
        `${report.requests} requests in ${report.seconds} s, each answered or refused with a reason: ${wrongs.length === 0 ? 'yes' : 'NO'}; ` +
          `memory ${first.toFixed(0)} → ${last.toFixed(0)} MiB (most ${most.toFixed(0)}), ` +
          `${report.memorySlopeMiBPerMinute.toFixed(2)} MiB a minute, at most ${slopeMaxMiBPerMinute} allowed`,
      );
      console.log(JSON.stringify({ soak: 'serve', seed, ...report, wrongs }));
      return wrongs.length === 0 ? 0 : 1;
    } finally {
      await engine.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
