// The peer's side of the comparisons: the same pieces of work as own-sides.ts, done by llama.cpp. Used by the serving
// bench. Every way in which the peer could be faster is offered, and the bench takes the fastest: one or two threads,
// flash attention on or off, a context for each adapter or one context whose adapter is exchanged.
// Its sampling is left out, since a token costs it a trip through the thread pool that ours does not have.
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import { benchIds } from './bench-model.ts';
import { fastest, type Side } from './interleaved.ts';
import type { PeerContext, PeerLora, PeerModel } from './llama-peer.ts';
import { blockSteps, pastTokens } from './own-sides.ts';

export interface PeerSide extends Side {
  readonly dispose: () => Promise<void>;
}

interface Way {
  readonly threads: number;
  readonly flashAttention: boolean;
}
const contextTokens = 512;

/** One prompt of pastTokens, from nothing. */
export async function peerPrefillSides(
  model: PeerModel,
  config: LlamaConfig,
  threads: readonly number[],
): Promise<readonly PeerSide[]> {
  const sides: PeerSide[] = [];
  for (const way of everyWay(threads)) {
    const context = await model.createContext({ ...way, sequences: 1, contextTokens });
    const ids = benchIds(config, pastTokens, 5);
    const block = async (): Promise<number> => {
      await context.prefill(0, 0, ids);
      return ids.length;
    };
    const before = async (): Promise<void> => context.truncate(0, 0);
    sides.push({ name: wayName(way), before, block, dispose: context.dispose });
  }
  return sides;
}

/** `rows` sequences of one batch, without adapters. */
export async function peerDecodeSides(
  model: PeerModel,
  config: LlamaConfig,
  rows: number,
  threads: readonly number[],
): Promise<readonly PeerSide[]> {
  const sides: PeerSide[] = [];
  for (const way of everyWay(threads)) {
    const context = await model.createContext({ ...way, sequences: rows, contextTokens });
    for (let row = 0; row < rows; row++) await context.prefill(row, 0, benchIds(config, pastTokens, row));
    const ids = benchIds(config, rows, 99);
    const before = async (): Promise<void> => {
      for (let row = 0; row < rows; row++) context.truncate(row, pastTokens);
    };
    const steps = blockSteps(rows);
    const block = async (): Promise<number> => {
      for (let step = 0; step < steps; step++)
        await context.decode(ids, Array<number>(rows).fill(pastTokens + step));
      return rows * steps;
    };
    sides.push({ name: wayName(way), before, block, dispose: context.dispose });
  }
  return sides;
}

/**
 * Each adapter's answer written on its own, the next when it is done; a block serves four adapters. First the fastest
 * way for one adapter is found, then two ways of changing adapters are offered.
 */
export async function peerAdapterSides(
  model: PeerModel,
  config: LlamaConfig,
  loras: readonly PeerLora[],
  threads: readonly number[],
): Promise<readonly PeerSide[]> {
  const prepared = async (way: Way, lora: PeerLora): Promise<PeerContext> => {
    const context = await model.createContext({ ...way, sequences: 1, contextTokens, lora });
    await context.prefill(0, 0, benchIds(config, pastTokens, 1));
    return context;
  };
  const ways: (Way & PeerSide)[] = [];
  for (const way of everyWay(threads)) {
    const context = await prepared(way, loras[0]);
    ways.push({ ...way, ...inTurn(wayName(way), 1, () => context, context.dispose) });
  }
  const best = await fastest(ways);
  for (const way of ways) await way.dispose();

  const contexts: PeerContext[] = [];
  for (const lora of loras) contexts.push(await prepared(best, lora));
  const apart = inTurn(
    `${best.name}, a context for each adapter`,
    4,
    (turn) => contexts[turn % loras.length],
    async () => {
      for (const context of contexts) await context.dispose();
    },
  );
  const shared = await prepared(best, loras[0]);
  const exchange = (turn: number): PeerContext => {
    shared.setLora(loras[turn % loras.length]);
    return shared;
  };
  return [apart, inTurn(`${best.name}, adapters exchanged`, 4, exchange, shared.dispose)];
}

/** A block writes `turns` answers of blockSteps(1) tokens, one after another. */
function inTurn(
  name: string,
  turns: number,
  contextOf: (turn: number) => PeerContext,
  dispose: () => Promise<void>,
): PeerSide {
  let turn = 0;
  const steps = blockSteps(1);
  const block = async (): Promise<number> => {
    for (let served = 0; served < turns; served++, turn++) {
      const context = contextOf(turn);
      context.truncate(0, pastTokens);
      for (let step = 0; step < steps; step++) await context.decode([300 + step], [pastTokens + step]);
    }
    return turns * steps;
  };
  return { name, block, dispose };
}

function everyWay(threads: readonly number[]): readonly Way[] {
  return threads.flatMap((count) =>
    [false, true].map((flashAttention) => ({ threads: count, flashAttention })),
  );
}

function wayName({ threads, flashAttention }: Way): string {
  return `peer, ${threads} ${threads === 1 ? 'thread' : 'threads'}${flashAttention ? ', flash attention' : ''}`;
}
