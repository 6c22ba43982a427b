// Requests that keep a serving worker full, and the tokens per second that come out. Used by the serving bench. A closed
// loop: so many lanes, each asks the next question when its answer is done. Prompts are random, so none reads what
// another has read. Same seed, same requests, whatever the adapters.
import type { AdapterRef } from '../../engine/engine.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { ServeClient } from '../../engine/serve/serve-client.ts';
import { seededRandom } from '../../engine/train/training-random.ts';
import { benchIds } from './bench-model.ts';

interface TrafficOptions {
  readonly client: Pick<ServeClient, 'generate'>;
  readonly config: LlamaConfig;
  /** Each request picks one of these at random. */
  readonly adapters: readonly AdapterRef[];
  /** More than there are rows, so that no row waits for a request. */
  readonly lanes: number;
  readonly requests: number;
  readonly seed: number;
}

const promptTokens = 24;
const answerTokens = { least: 8, most: 40 };

/** @returns tokens that were generated */
export async function runTraffic(options: TrafficOptions): Promise<number> {
  const { client, config, adapters, lanes, requests, seed } = options;
  const random = seededRandom(seed, 17);
  let asked = 0;
  let tokens = 0;
  const lane = async (): Promise<void> => {
    while (asked < requests) {
      const request = asked++;
      const maxTokens =
        answerTokens.least + Math.floor(random() * (answerTokens.most - answerTokens.least + 1));
      const adapter = adapters[Math.floor(random() * adapters.length)];
      const promptIds = benchIds(config, promptTokens, seed * 10_000 + request);
      const asking = { promptIds, adapter, maxTokens, stopIds: [], temperature: 0, seed: 1 };
      for await (const event of client.generate(asking)) if (event.type === 'token') tokens += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return tokens;
}
