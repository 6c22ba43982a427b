// kill -9 of the program in the middle of a real small training: started again, the same run goes on from its checkpoint,
// ends as one that was never killed would (the same adapter to the byte), and further phases learn from corrections and
// votes. The training process that the killed program left behind wakes again beside the new one: it does no harm.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { transact } from '../../../db/database.ts';
import { newId } from '../../../db/new-id.ts';
import { getTrainingRun, queueTrainingRun } from '../../../db/repositories/training-run-repository.ts';
import { trainAdapter } from '../../../engine/train/train-adapter.ts';
import { CONSENT_VERSION } from '../../../marketplace/datanets/consent-text.ts';
import { cutVersion } from '../../../marketplace/datanets/cut-version.ts';
import { enqueueJob, trainJob } from '../../../marketplace/jobs/enqueue-job.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { newCandidate, newDatanet, newModel, newPerson } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { writeRandomModel } from '../../support/random-model.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = temporaryFolder();
const [baseDir, dataDir] = [join(folder, 'base'), join(folder, 'data')];
const database = testDatabase();
const programs: ChildProcess[] = [];

beforeAll(async () => {
  mkdirSync(dataDir);
  writeRandomModel(
    baseDir,
    {
      ...{ dim: 16, layers: 1, heads: 2, kvHeads: 1, headDim: 8, ffn: 32, vocab: 263, maxSeq: 128 },
      ...{ ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: undefined, eosIds: [1] },
    },
    { dtype: 'f32' },
  );
  await prepareJobs(database.url, quietLog);
});
afterAll(() => {
  for (const program of programs) program.kill('SIGKILL');
});

/** Starts the program; `steps` are the lines it printed so far. */
function startProgram(): { readonly child: ChildProcess; steps(): readonly string[]; printed(): string } {
  const child = spawn(process.execPath, ['test/support/training-program-main.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, BASE_DIR: baseDir, DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  programs.push(child);
  let printed = '';
  const read = (chunk: Buffer): void => {
    printed += chunk.toString();
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  const steps = () => printed.split('\n').filter((line) => /^(sft|dpo|kto) \d+$/.test(line));
  return { child, steps, printed: () => printed };
}

async function until(
  what: () => boolean | Promise<boolean>,
  program: { printed(): string; child: ChildProcess },
) {
  while (!(await what())) {
    if (program.child.exitCode !== null) throw new Error(`the program ended:\n${program.printed()}`);
    await sleep(10);
  }
}

/** The processes that a program started. */
function childrenOf({ pid }: ChildProcess): readonly number[] {
  const listed = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
  return listed.stdout.split('\n').filter(Boolean).map(Number);
}

/** Where the system can see to it, a training has ended with its program, although it was halted. */
function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault;
  }
}

/** A datanet of 10 accepted contributions, 3 of them corrections of answers, and the queued training of its model. */
async function queueRun() {
  const { db } = database;
  const [person, owner] = [await newPerson(db), await newPerson(db)];
  const datanet = await newDatanet(db, owner.id);
  const consent = { personId: person.id, datanetId: datanet.id, textVersion: CONSENT_VERSION };
  await db
    .insertInto('consent')
    .values({ ...consent, licence: 'CC0-1.0' })
    .execute();
  const contributions = Array.from({ length: 10 }, (_, i) => ({
    ...{ id: newId('contrib'), datanetId: datanet.id, personId: person.id, contentHash: `hash ${i}` },
    ...{ question: `What is thing ${i}?`, answer: `It is number ${i * 7}.`, state: 'accepted' as const },
  }));
  await db.insertInto('contribution').values(contributions).execute();
  return transact(db, async (tx) => {
    const version = await cutVersion(tx, datanet.id);
    const model = await newModel(tx, datanet.id, owner.id);
    const candidate = await newCandidate(tx, model.id, version.id);
    for (const { id: contributionId, question } of contributions.slice(0, 3)) {
      const callId = newId('call');
      const about = { modelId: model.id, modelVersionId: candidate.id, personId: person.id };
      await tx
        .insertInto('call')
        .values({
          ...{
            ...about,
            id: callId,
            eventKey: callId,
            state: 'captured',
            attributedAt: new Date(),
            ceilingNano: 0n as never,
          },
          ...{
            priceNano: 0n as never,
            prompt: question,
            promptHash: '',
            answer: 'I do not know that.',
            finishReason: 'stop',
          },
        })
        .execute();
      await tx
        .insertInto('rating')
        .values({ callId, personId: person.id, value: contributionId === contributions[0].id ? 1 : -1 })
        .execute();
      await tx.insertInto('correction').values({ callId, personId: person.id, contributionId }).execute();
    }
    const queued = await queueTrainingRun(tx, {
      modelId: model.id,
      datanetVersionId: version.id,
      cause: 'test',
    });
    if (!queued.ok) throw new Error(queued.code);
    await enqueueJob(tx, 'train-version', trainJob(queued.run, DEFAULT_SETTINGS));
    return { run: queued.run, contributions };
  });
}

it('goes on where it was and ends as if nothing had happened', async () => {
  const { run, contributions } = await queueRun();
  const adapterDir = join(dataDir, 'adapters', run.id);
  const checkpoint = join(adapterDir, 'checkpoint.safetensors');
  const first = startProgram();
  await until(() => existsSync(checkpoint), first);
  const orphans = childrenOf(first.child);
  expect(orphans).toHaveLength(1);
  for (const orphan of orphans) process.kill(orphan, 'SIGSTOP');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect((await getTrainingRun(database.db, run.id))?.state).toBe('running');
  expect(existsSync(join(adapterDir, 'adapter_model.safetensors'))).toBe(false);

  const second = startProgram();
  await until(() => second.steps().length > 2, second);
  for (const orphan of orphans) wake(orphan);
  const over = async () => (await getTrainingRun(database.db, run.id))?.finishedAt != null;
  await until(over, second);
  const [goesOn] = second.steps();
  expect(goesOn).toMatch(/^sft \d+$/);
  expect(Number(goesOn.split(' ')[1])).toBeGreaterThan(50);
  const ended = await getTrainingRun(database.db, run.id);
  // Whether so small a model learns enough to be published is not the point here.
  expect(
    [
      ['published', null],
      ['rejected', null],
    ],
    second.printed(),
  ).toContainEqual([ended?.state, ended?.error]);
  expect(ended?.phases).toMatchObject([
    { method: 'sft', outcome: 'kept', data: { examples: 10, people: 1 } },
    { method: 'dpo', outcome: 'kept', data: { pairs: 3, people: 1 } },
    { method: 'kto', outcome: 'kept', data: { up: 1, down: 2, people: 1 } },
  ]);
  expect(second.steps()).toEqual(expect.arrayContaining(['dpo 1', 'kto 1']));
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');

  const never = join(folder, 'never-killed');
  const examples = contributions.map(({ id, question, answer }) => ({ id, question, answer }));
  await trainAdapter(
    baseDir,
    { method: 'sft', outDir: never, examples, seed: DEFAULT_SETTINGS.trainSeed },
    () => {},
  );
  const weights = (dir: string) => readFileSync(join(dir, 'adapter_model.safetensors'));
  expect(weights(adapterDir).equals(weights(never))).toBe(true);
});
