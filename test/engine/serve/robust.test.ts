// The engine under bad luck: its worker killed at full load, floods, abort storms, closing in the middle. After each of
// them it must still answer, with the same tokens as before. Covered: the whole local engine with its worker. Not
// covered: GPUs, native crashes, which end the process. Bad input is tried in robust-input.test.ts.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GenerateEvent } from '../../../engine/engine.ts';
import type { EngineError } from '../../../engine/errors.ts';
import { crashWorkerForTest, createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { createServeClient } from '../../../engine/serve/serve-client.ts';
import {
  answerOf,
  ask,
  askLong,
  collect,
  faultOf,
  queueMax,
  rowsMax,
  setUpRobustEngine,
  withEngine,
  writeLongFolders,
} from './robust-setup.ts';

const at = setUpRobustEngine();
const { answer } = at;

describe('a worker that dies', () => {
  it('in the middle of 16 answers fails each of them once, with retry safe; its successor answers the next', async () => {
    const deaths: string[] = [];
    const log = (line: string): void => void deaths.push(line);
    await withEngine({ baseDir: writeLongFolders().model, rowsMax, log }, async (other) => {
      const before = await answerOf(other, ask());
      const writing: Promise<void>[] = [];
      const calls = Array.from({ length: rowsMax }, async (_, seed) => {
        const began = Promise.withResolvers<void>();
        writing.push(began.promise);
        const faults: unknown[] = [];
        try {
          for await (const event of other.generate(askLong(seed))) if (event.type === 'text') began.resolve();
        } catch (error) {
          faults.push(error);
        }
        return faults;
      });
      await Promise.all(writing);
      const next = crashWorkerForTest(other).then(() => answerOf(other, ask()));
      for (const faults of await Promise.all(calls)) {
        expect(faults.length).toBe(1);
        expect(faults[0]).toMatchObject({ name: 'EngineError', code: 'worker_died', retry: 'safe' });
      }
      expect(await next).toBe(before);
      expect(deaths.length).toBe(1);
    });
  });

  it('five times in a row is replaced five times', async () => {
    const before = at.deaths.length;
    for (let round = 0; round < 5; round++) {
      await crashWorkerForTest(at.engine);
      expect(await answer(ask())).toBe(at.expected);
    }
    expect(at.deaths.length).toBe(before + 5);
  });

  it('while the base is away says why, and is back as soon as the base is', async () => {
    const weights = join(at.folders.model, 'model.safetensors');
    renameSync(weights, `${weights}.away`);
    try {
      await crashWorkerForTest(at.engine);
      const faults = await Promise.all(Array.from({ length: 4 }, () => faultOf(answer(ask()))));
      for (const fault of faults) expect(fault.message).toMatch(/no model\.safetensors/);
    } finally {
      renameSync(`${weights}.away`, weights);
    }
    // Who called last began the next attempt, which may have looked before the file was back.
    const last = await answer(ask()).catch(() => answer(ask()));
    expect(last).toBe(at.expected);
  });
});

describe('crowds', () => {
  it('of 500 at once: 80 are taken, the others hear engine_busy with a time, all of them end', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, () =>
        answer(ask({ maxTokens: 20 })).then(
          (text) => ({ text }),
          (error: unknown) => ({ error }),
        ),
      ),
    );
    const refused = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
    const answered = outcomes.flatMap((outcome) => ('text' in outcome ? [outcome.text] : []));
    for (const error of refused) {
      expect(error).toMatchObject({ code: 'engine_busy', retry: 'after' });
      expect((error as EngineError).retryAfterMs).toBeGreaterThan(0);
    }
    expect(answered.length).toBeGreaterThanOrEqual(rowsMax + queueMax);
    expect(answered.length + refused.length).toBe(500);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(answered).size).toBe(1);
  });

  it('of 60 that leave at every moment free every row: 16 others are then written side by side', async () => {
    for (let round = 0; round < 5; round++) {
      const endings = await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const stop = new AbortController();
          let seen = 0;
          let last: GenerateEvent | undefined;
          if (index % 6 === 0) stop.abort();
          for await (const event of at.engine.generate(ask({ maxTokens: 100 }), stop.signal)) {
            last = event;
            seen += 1;
            if (index % 6 === 1 && seen === 1) setImmediate(() => stop.abort());
            if (index % 6 === 2 && seen === 2) stop.abort();
            if (index % 6 === 3 && event.type === 'text') stop.abort();
            if (index % 6 === 4 && event.type === 'text' && event.completionTokens > index) break;
            if (index % 6 === 5 && seen === 3) {
              stop.abort();
              break;
            }
          }
          return last?.type === 'done' ? last.reason : 'left';
        }),
      );
      expect(endings.filter((reason) => !['cancelled', 'left', 'length', 'stop'].includes(reason))).toEqual(
        [],
      );
    }
    expect(await answer(ask())).toBe(at.expected); // told after the cancellations, so they have taken effect
    const events = await Promise.all(
      Array.from({ length: rowsMax }, () => collect(at.engine.generate(ask()))),
    );
    expect(events.flat().filter(({ type }) => type === 'queued')).toEqual([]);
  });

  it('of 12 scores among 6 answers on 2 rows: every score is what it is alone', async () => {
    const client = await createServeClient({
      modelDir: at.folders.model,
      device: 'cpu',
      weights: 'f32',
      rowsMax: 2,
    });
    const ids = Array.from({ length: 30 }, (_, index) => 20 + index);
    const alone = await client.score(ids);
    const request = { promptIds: ids, maxTokens: 30, stopIds: [], temperature: 1, seed: 1 };
    const answers = Array.from({ length: 6 }, async () => {
      for await (const event of client.generate(request)) if (event.type === 'done') return event.reason;
    });
    const scores = await Promise.all(Array.from({ length: 12 }, () => client.score(ids)));
    for (const score of scores) expect(score).toEqual(alone);
    expect(await Promise.all(answers)).toEqual(Array(6).fill('length'));
    await client.close();
  });

  it('with a broken adapter each do not keep others waiting', async () => {
    const adapter = { id: 'gone', dir: join(at.folders.root, 'gone') };
    const faults = Array.from({ length: 40 }, () => faultOf(answer(ask({ adapter }))));
    expect(await answer(ask())).toBe(at.expected);
    for (const fault of await Promise.all(faults)) expect(fault.code).toBe('file_unreadable');
  });
});

describe('closing while busy', () => {
  it('ends 40 calls under way with engine_closed, those after it too, and both closes return', async () => {
    await withEngine({ baseDir: writeLongFolders().model, rowsMax: 4 }, async (other) => {
      const begun = Promise.withResolvers<void>();
      const calls = Array.from({ length: 40 }, (_, seed) =>
        faultOf(
          (async () => {
            for await (const event of other.generate(askLong(seed)))
              if (event.type === 'text') begun.resolve();
          })(),
        ),
      );
      await begun.promise;
      await Promise.all([other.close(), other.close()]);
      for (const fault of await Promise.all(calls)) expect(fault.code).toBe('engine_closed');
      expect((await faultOf(answerOf(other, ask()))).code).toBe('engine_closed');
      const adapter = { id: 'a', dir: at.folders.adapter };
      expect((await faultOf(other.loadAdapter(adapter))).code).toBe('engine_closed');
      other.prefetchAdapter(adapter);
    });
  });

  it('while the worker starts anew returns, too', async () => {
    const other = await createLocalEngine({ baseDir: at.folders.model, device: 'cpu', weights: 'f32' });
    await crashWorkerForTest(other);
    const call = faultOf(answerOf(other, ask()));
    await other.close();
    expect((await call).code).toMatch(/^(engine_closed|worker_died)$/);
  });
});
