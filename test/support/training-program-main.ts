// A marketplace with the real engine and nothing else, as a process of its own that takes up the trainings it finds in a
// database: to be killed in the middle of one. Started by training-killed.db.test.ts with DATABASE_URL, BASE_DIR, DATA_DIR.
// Prints one line a step: "phase step", the first of a phase being where the training went on from.
import { openDatabase } from '../../db/database.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { createMarketplace } from '../../marketplace/create-marketplace.ts';

const { DATABASE_URL: databaseUrl = '', BASE_DIR: baseDir = '', DATA_DIR: dataDir = '' } = process.env;

const log = (facts: object, message: string): void => {
  if ('err' in facts) console.error(message, facts.err);
};
const { db, close } = openDatabase({ url: databaseUrl });
const engine = await createLocalEngine({ baseDir, device: 'cpu', threads: 1, rowsMax: 16 });
const market = await createMarketplace({
  ...{ db, databaseUrl, dataDir, demoDir: dataDir, withDemo: false },
  engine: {
    ...engine,
    train: (job, onProgress, signal) =>
      engine.train(
        job,
        (progress) => {
          console.log(`${job.method} ${progress.step}`);
          onProgress(progress);
        },
        signal,
      ),
  },
  log: { info: () => {}, warn: log, error: log },
  settings: { pairsMin: 2, votesMin: 3, votesEachMin: 1 },
});
await market.start(async () => {});
console.log('started');
process.once('SIGTERM', async () => {
  await market.stop();
  await engine.close();
  await close();
  process.exit(0);
});
