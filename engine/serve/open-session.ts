// From settings to a loaded model: plans the memory, opens the weights, makes the session on the device. Used by
// serve-loop.ts. It knows no requests. Invariant: what a session needs to rebuild its graph later (the weights' files)
// stays open until it is released.
import { totalmem } from 'node:os';
import { openLlamaWeights } from '../model/llama-weights.ts';
import { loadModelConfig } from '../model/model-config.ts';
import type { BatchSession } from './batch-session.ts';
import { kvTokenBytes, planMemory } from './memory-plan.ts';
import type { LoadProgress, ServeWorkerData } from './serve-protocol.ts';
import { createBatchSession } from './serve-session.ts';

interface OpenedSession {
  readonly session: BatchSession;
  readonly adapterBytesMax: number;
  readonly prefixBytesMax: number;
  readonly kvTokenBytes: number;
}

/** What serving may take of a machine's memory unless told otherwise. */
const memoryShare = 0.5;

/** @throws EngineError of reading the model, `memory_too_small` */
export async function openSession(
  data: ServeWorkerData,
  onProgress: (progress: LoadProgress) => void,
): Promise<OpenedSession> {
  const config = loadModelConfig(data.modelDir);
  const contextTokens = Math.min(config.maxSeq, data.contextTokensMax);
  const memoryBytesMax = data.memoryBytesMax ?? memoryShare * machineBytes();
  const plan = planMemory({ ...data, config, contextTokens, memoryBytesMax });
  const source = openLlamaWeights(data.modelDir, config);
  try {
    const options = {
      config,
      contextTokens,
      rowsMax: plan.rowsMax,
      weights: data.weights,
      threads: data.threads,
      read: source.read,
      onProgress: () => onProgress({ readBytes: source.readBytes(), totalBytes: source.totalBytes }),
    };
    const session = await openOn(data.device, options);
    const release = async (): Promise<void> => {
      await session.release();
      source.close();
    };
    return { session: { ...session, release }, ...plan, kvTokenBytes: kvTokenBytes(config) };
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openOn(
  device: BatchSession['device'],
  options: Parameters<typeof createBatchSession>[0],
): Promise<BatchSession> {
  if (device === 'cpu') return createBatchSession(options);
  if (device === 'cuda') return createBatchSession({ ...options, provider: device });
  const { createDeviceSession } = await import('./device-session.ts'); // read only where there is a GPU
  return createDeviceSession({ ...options, device });
}

/** Memory of the machine, or of the container that the process lives in. */
function machineBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
