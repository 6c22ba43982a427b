// Thread of one world: trains it, asks it, posts what each example earned and ends. Started by gaming-worlds.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { payoutsIn } from './gaming-world.ts';
import type { WorldOrder } from './gaming-worlds.ts';

const { world, facts, seed }: WorldOrder = workerData;
parentPort?.postMessage(await payoutsIn(world, facts, seed));
