// Serving on a GPU (software Vulkan here) from outside: the same answers as the CPU's, and a death that stays outside.
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createServeClient, type ServeClient } from '../../../engine/serve/serve-client.ts';
import type { TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { softwareVulkanEnvironment } from './software-vulkan.ts';
import { randomIds } from './tiny-llama.ts';
import { tinyFolderConfig, writeTinyFolders } from './tiny-model-folder.ts';

const environment = softwareVulkanEnvironment(temporaryFolder());
Object.assign(process.env, environment); // of the processes that are started from here

// Software compiles each shader again in each process.
describe.skipIf(environment === undefined)('serving on webgpu', { timeout: 300_000 }, () => {
  const folders = writeTinyFolders();
  afterAll(() => rmSync(folders.root, { recursive: true }));
  const adapter = { id: 'one', dir: folders.adapter };
  const request = (seed: number, rest: Partial<TokenRequest> = {}): TokenRequest => ({
    promptIds: randomIds(tinyFolderConfig, 40 + seed, seed),
    maxTokens: 8,
    stopIds: [],
    temperature: 0,
    seed,
    ...rest,
  });
  const tokens = async (client: ServeClient, made: TokenRequest): Promise<readonly number[]> => {
    const ids: number[] = [];
    for await (const event of client.generate(made)) if (event.type === 'token') ids.push(event.id);
    return ids;
  };

  it('answers five requests at once in three rows, with and without an adapter, with the tokens of the CPU', async () => {
    const settings = { modelDir: folders.model, weights: 'f32', rowsMax: 3, pieceTokensMax: 16 } as const;
    const cpu = await createServeClient({ ...settings, device: 'cpu' });
    const gpu = await createServeClient({ ...settings, device: 'webgpu' });
    expect(gpu.info()).toMatchObject({ device: 'webgpu', kvMode: 'in_place' });
    expect(gpu.info().reason).toContain('ENGINE_DEVICE=webgpu');
    const made = [1, 2, 3, 4, 5].map((seed) => request(seed, seed % 2 === 1 ? { adapter } : {}));
    const all = (client: ServeClient) => Promise.all(made.map((one) => tokens(client, one)));
    expect(await all(gpu)).toEqual(await all(cpu));
    await gpu.close();
    await cpu.close();
  });

  it('a driver that crashes ends the calls under way with retry safe; the next call finds a new process', async () => {
    const before = new Set(children());
    const client = await createServeClient({ modelDir: folders.model, device: 'webgpu', rowsMax: 2 });
    const expected = await tokens(client, request(1));
    const [child] = children().filter((pid) => !before.has(pid));
    const under = tokens(client, request(2, { maxTokens: 100 }));
    const died = expect(under).rejects.toMatchObject({
      code: 'worker_died',
      retry: 'safe',
      message: 'the serving worker ended (SIGSEGV)',
    });
    process.kill(child, 'SIGSEGV');
    await died;
    expect(await tokens(client, request(1))).toEqual(expected);
    await client.close();
    expect(children().filter((pid) => !before.has(pid))).toEqual([]);
  });
});

/** Processes that this one has started, of all its threads. */
function children(): readonly number[] {
  const text = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}
