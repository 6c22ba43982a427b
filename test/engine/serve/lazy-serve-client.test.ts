// An engine whose answers come from elsewhere: no worker until it is asked for something that needs one.
import { rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { writeTinyFolders } from './tiny-model-folder.ts';

const start = async () => {
  const folders = writeTinyFolders();
  const informed: string[] = [];
  const engine = await createLocalEngine({
    baseDir: folders.model,
    servesLater: true,
    inform: (line) => informed.push(line),
  });
  onTestFinished(async () => {
    await engine.close();
    rmSync(folders.root, { recursive: true });
  });
  return { folders, engine, informed };
};

it('counts prompts, tells the context and where an adapter is without a worker', async () => {
  const { engine, folders, informed } = await start();
  const adapter = { id: 'a', dir: folders.adapter };
  expect(engine.contextTokens).toBe(160);
  expect(await engine.countPromptTokens([{ role: 'user', content: 'hi' }])).toBe(5);
  engine.prefetchAdapter(adapter);
  expect(await engine.adapterState(adapter)).toBe('cold');
  expect(informed).toEqual([]);
});

it('starts one worker for the first question, however many come at the same time, and evaluates', async () => {
  const { engine, folders, informed } = await start();
  const adapter = { id: 'a', dir: folders.adapter };
  const items = [{ question: 'q?', expected: 'a.' }];
  const [report] = await Promise.all([
    engine.evaluate({ items, adapter }),
    engine.loadAdapter(adapter),
    engine.evaluate({ items }),
  ]);
  expect(report.total).toBe(1);
  expect(informed.length).toBe(1);
  expect(await engine.adapterState(adapter)).toBe('warm');
});

it('closing one that never started, and asking it afterwards', async () => {
  const { engine } = await start();
  await engine.close();
  const request = {
    messages: [{ role: 'user', content: 'hi' }] as const,
    maxTokens: 2,
    sampling: { temperature: 0 },
  };
  await expect(engine.generate(request)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'engine_closed',
  });
});
