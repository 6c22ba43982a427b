// Worlds of the gaming measures, a few at a time: each is trained and asked in a thread of its own, since its native runs
// block theirs. Used by gaming-measures.ts. A world's payouts are the same for any number of threads.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Facts, Payouts, World } from './gaming-world.ts';

interface Worlds {
  /** @throws what the thread threw */
  payouts(world: World, facts: Facts, seed: number): Promise<Payouts>;
}

export interface WorldOrder {
  readonly world: World;
  readonly facts: Facts;
  readonly seed: number;
}

export function createWorlds(atOnce: number): Worlds {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return {
    async payouts(world, facts, seed) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free -= 1;
      try {
        return await inThread({ world, facts, seed });
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

async function inThread(order: WorldOrder): Promise<Payouts> {
  const worker = new Worker(new URL('./gaming-world-worker.ts', import.meta.url), { workerData: order });
  const [payouts] = (await once(worker, 'message')) as [Payouts];
  return payouts;
}
