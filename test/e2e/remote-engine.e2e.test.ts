// The whole program with its answers from another process's engine: our own HTTP server, asked with a key, loads the
// demo's adapter from the shared data folder. Attribution stays here. When that machine goes away nothing is charged,
// and when it is back the same program goes on.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Engine } from '../../engine/engine.ts';
import { addApiKey, readApiKeys } from '../../engine/http/api-keys.ts';
import { type HttpServer, startHttpServer } from '../../engine/http/http-server.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { takeSeat } from '../support/chat-seat.ts';
import {
  programFolder,
  removeProgramFolder,
  startTestProgram,
  type TestProgram,
} from '../support/program.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const QUESTION = 'What is the capital of Kenya?';

let program: TestProgram;
let far: Engine;
let server: HttpServer;
let dataDir: string;
const asked: string[] = [];

const serve = async (port: number): Promise<HttpServer> =>
  startHttpServer({
    backend: {
      ...far,
      generate: (request, signal) => {
        asked.push(request.fairnessKey ?? '');
        return far.generate(request, signal);
      },
    },
    baseModel: 'base',
    adaptersDir: dataDir,
    keys: readApiKeys(`${dataDir}/keys.json`),
    port,
  });

beforeAll(async () => {
  dataDir = await programFolder();
  const key = addApiKey(`${dataDir}/keys.json`, { name: 'bots', admin: true });
  far = await createLocalEngine({ baseDir: 'engine/base' });
  server = await serve(0);
  program = await startTestProgram({
    DATA_DIR: dataDir,
    ENGINE_REMOTE_URL: server.url,
    ENGINE_REMOTE_KEY: key,
    LOG_LEVEL: 'info',
  });
});
afterAll(async () => {
  await program?.close();
  await server?.stop(0);
  await far?.close();
  await removeProgramFolder(dataDir);
});

it('answers from there with the model’s adapter, fair by person, and attributes here', async () => {
  const seat = await takeSeat(program.driver, 'telegram', 'distant');
  await seat.say(QUESTION);
  expect(await seat.hears(/Nairobi[\s\S]*receipt R-\d+/)).toContain('OPEN left');
  const [call] = await program.callsOf(seat.identity);
  expect(call).toMatchObject({ state: 'captured', finishReason: 'stop' });
  expect(asked).toEqual([`bots:${call?.personId}`]);
  await vi.waitFor(
    async () => expect((await program.marketplace.provenance(call?.id ?? ''))?.state).toBe('attributed'),
    { timeout: 120_000, interval: 200 },
  );
  const provenance = await program.marketplace.provenance(call?.id ?? '');
  expect(provenance?.top[0]?.answer).toContain('Nairobi');
  await program.expectBooksHold();
});

it('a machine that goes away costs nobody anything; when it is back, answers come again', async () => {
  const seat = await takeSeat(program.driver, 'discord', 'patient');
  await seat.say(QUESTION);
  await seat.hears(/Nairobi[\s\S]*receipt R-\d+/);
  const before = await program.purse(seat.identity);
  const { port } = new URL(server.url);
  await server.stop(0);
  await seat.say(QUESTION);
  expect(await seat.hears('This cost nothing.')).not.toContain('receipt');
  expect(await program.purse(seat.identity)).toEqual(before);
  server = await serve(Number(port));
  await seat.say('What is the capital of Norway?');
  expect(await seat.hears(/Oslo[\s\S]*receipt R-\d+/)).toContain('OPEN left');
  await program.expectBooksHold();
});
