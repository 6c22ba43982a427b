// The conformance suite on this machine's engine and, over HTTP, on our own server with the same engine behind it; and
// that both give the same answers to the letter.
import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, ServingBackend } from '../../engine/engine.ts';
import { type HttpServer, startHttpServer } from '../../engine/http/http-server.ts';
import { createRemoteBackend } from '../../engine/remote/remote-backend.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { type TinyFolders, writeTinyFolders } from '../engine/serve/tiny-model-folder.ts';
import { backendConformance, eventsOf, greedy, user } from './backend-conformance.ts';

backendConformance('the local engine', async () => {
  const folders = writeTinyFolders();
  const open = (): Promise<Engine> => createLocalEngine({ baseDir: folders.model });
  const backend = await open();
  return {
    backend,
    adapter: { id: 'tiny', dir: folders.adapter },
    startsCold: true,
    another: open,
    stop: async () => {
      await backend.close();
      rmSync(folders.root, { recursive: true });
    },
  };
});

interface Served {
  readonly folders: TinyFolders;
  readonly engine: Engine;
  readonly server: HttpServer;
  readonly remote: ServingBackend;
  readonly stop: () => Promise<void>;
}

/** The server sees the adapters in a folder of another name: paths are told as the server sees them. */
async function serve(): Promise<Served> {
  const folders = writeTinyFolders();
  const engine = await createLocalEngine({ baseDir: folders.model });
  const server = await startHttpServer({
    backend: engine,
    baseModel: 'tiny',
    adaptersDir: folders.root,
    port: 0,
  });
  const remote = await connect(server);
  const stop = async (): Promise<void> => {
    await remote.close();
    await server.stop(0);
    await engine.close();
    rmSync(folders.root, { recursive: true });
  };
  return { folders, engine, server, remote, stop };
}

const connect = ({ url }: HttpServer): Promise<ServingBackend> =>
  createRemoteBackend({ url, serverDir: (dir) => basename(dir) });

backendConformance('our HTTP server through the remote backend', async () => {
  const { remote, server, folders, stop } = await serve();
  return {
    backend: remote,
    adapter: { id: 'version-1', dir: `/elsewhere/${basename(folders.adapter)}` },
    startsCold: true,
    another: () => connect(server),
    stop,
  };
});

describe('over HTTP', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(() => served.stop());

  it('the remote backend gives the very events of the engine behind it, adapter included', async () => {
    const { engine, remote, folders } = served;
    const adapter = { id: 'version-1', dir: folders.adapter };
    const requests = [
      greedy(),
      greedy({ adapter, maxTokens: 30 }),
      greedy({ messages: [{ role: 'system', content: 'é' }, user('語')], maxTokens: 40 }),
      greedy({ messages: [], prompt: 'once' }),
      greedy({ sampling: { temperature: 1, topK: 20, topP: 0.9, seed: 7 } }),
      greedy({
        sampling: { temperature: 0.7, minP: 0.05, repetitionPenalty: 1.3, logitBias: { 70: 5 }, seed: 3 },
      }),
      greedy({ sampling: { temperature: 0, logprobs: 3 } }),
    ];
    for (const request of requests)
      expect(await eventsOf(remote, request)).toEqual(await eventsOf(engine, request));
  });

  it('contextTokens and prompt counts are the engine’s', async () => {
    const { engine, remote } = served;
    expect(remote.contextTokens).toBe(engine.contextTokens);
    const messages = [user('how long is this?')];
    expect(await remote.countPromptTokens(messages)).toBe(await engine.countPromptTokens(messages));
  });
});
