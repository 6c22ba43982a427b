// Opens a training graph on a GPU. Used by training-session.ts, which binds and runs it as on the CPU. Beside an adapter
// the base weights are frozen: they are stored with the graph and lie on the device from then on, so that only ids,
// labels, loss weights and the adapter cross the bus, and loss, nll and the adapter's gradients come back. In a full
// fine-tune every weight changes at every step, on the CPU where AdamW is, and crosses.
// It trusts no device: device-gradient-trial.ts has compared gradients before.
import { InferenceSession } from 'onnxruntime-node';
import { EngineError } from '../errors.ts';
import { buildLlamaTrainGraph, type TrainGraph, type TrainGraphOptions } from '../graph/llama-train-graph.ts';
import { weightOf } from '../model/llama-weights.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { loadGraph } from '../serve/load-graph.ts';

interface DeviceTrainingOptions extends TrainGraphOptions {
  readonly device: 'webgpu' | 'cuda';
  readonly weights: TensorMap;
}

interface OpenedTraining {
  readonly graph: TrainGraph;
  readonly session: InferenceSession;
}

/** @throws EngineError `device_unavailable` */
export async function openDeviceTraining(options: DeviceTrainingOptions): Promise<OpenedTraining> {
  const { device, weights, gradients, lora } = options;
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: [device],
    enableMemPattern: false,
    logSeverityLevel: 3, // not a line for each node that stays on the CPU
  };
  try {
    if (lora === undefined || gradients === 'full') {
      const graph = buildLlamaTrainGraph(options);
      return { graph, session: await InferenceSession.create(graph.onnx, sessionOptions) };
    }
    let graph: TrainGraph | undefined;
    const { session } = await loadGraph((put) => {
      const externalData: { path: string; data: Uint8Array }[] = [];
      graph = buildLlamaTrainGraph({
        ...options,
        resident: (name) => {
          const values = weightOf(weights, name).data;
          const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
          if (put !== undefined) return put(data);
          externalData.push({ path: name, data });
          return { location: name, offset: 0, length: data.byteLength };
        },
      });
      return { onnx: graph.onnx, externalData };
    }, sessionOptions);
    if (graph === undefined) throw new Error('bug: a session without its graph');
    return { graph, session };
  } catch (cause) {
    if (cause instanceof EngineError || (cause instanceof Error && cause.message.startsWith('bug:')))
      throw cause;
    const message = `training cannot start on ${device}: ${cause instanceof Error ? cause.message : cause}`;
    throw new EngineError(message, { code: 'device_unavailable', retry: 'never', cause });
  }
}
