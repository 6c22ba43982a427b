// A training session that runs one layer at a time: forward keeps only each layer's input, backward computes the rest
// again (gradient checkpointing, arxiv.org/abs/1604.06174). For models too large for a graph of all layers. Made by
// createTrainingSession; same face, same results. Between layers the event loop turns: signals are heard, and a
// cancelled run ends there. It knows no optimiser and no files, and copies no weight.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { EngineError } from '../errors.ts';
import {
  buildHeadLoss,
  buildLayerBackward,
  buildLayerForward,
  inLayer,
  type LayerGraph,
  layerTensors,
} from '../graph/layer-train-graph.ts';
import { gradientName, loraTensorShapes, type TrainGraphOptions } from '../graph/llama-train-graph.ts';
import { sliceRows } from '../graph/ops-loss.ts';
import { llamaTensorShapes, weightOf } from '../model/llama-weights.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { addInto } from './gradient-sum.ts';
import { bindWeights, floatsOf, trainingSessionOptions } from './session-tensors.ts';
import type { TokenBatch, TrainingSession } from './training-session.ts';

interface LayerWiseOptions extends Omit<TrainGraphOptions, 'floatType' | 'resident'> {
  readonly weights: TensorMap;
  readonly loraScale?: number;
  readonly threads?: number;
}

interface LoadedGraph extends Omit<LayerGraph, 'onnx'> {
  readonly session: InferenceSession;
}

const embedding = 'model.embed_tokens.weight';

export async function createLayerWiseSession(options: LayerWiseOptions): Promise<TrainingSession> {
  const { config, batch, seq, gradients, lora, weights } = options;
  if (options.projection) throw new Error('bug: gradients are projected in the graph of all layers only');
  const [rows, dim] = [batch * seq, config.dim];
  const load = async ({ onnx, ...graph }: LayerGraph): Promise<LoadedGraph> => ({
    ...graph,
    session: await InferenceSession.create(onnx, {
      ...trainingSessionOptions(options.threads ?? 1),
      enableCpuMemArena: false, // an arena per graph would hold the peak of each for good
    }),
  });
  const head = await load(buildHeadLoss(options));
  const forward = await load(buildLayerForward(options));
  const backward = gradients === 'none' ? undefined : await load(buildLayerBackward(options));
  const layers = Array.from({ length: config.layers }, (_, layer) =>
    bindWeights(inLayer(weights, layer), forward.shapes),
  );
  const headWeights = bindWeights(weights, head.shapes);
  const table = weightOf(weights, embedding).data;
  const matrix = (data: Float32Array): Tensor => new Tensor('float32', data, [data.length / dim, dim]);

  const embed = (ids: BigInt64Array): Float32Array => {
    const x = new Float32Array(rows * dim);
    ids.forEach((id, row) => {
      x.set(table.subarray(Number(id) * dim, (Number(id) + 1) * dim), row * dim);
    });
    return x;
  };

  /** Output layer and loss, a slice of the rows at a time: their logits are the largest matrix of all. */
  const runHead = async (x: Float32Array, tokens: TokenBatch, check: () => void) => {
    const result = { loss: 0, nll: new Float32Array(rows), dx: new Float32Array(rows * dim) };
    const sums = new Map<string, Float32Array>();
    const most = sliceRows(config.vocab);
    for (let from = 0; from < rows; from += most) {
      check();
      const to = Math.min(rows, from + most);
      const outputs = await head.session.run({
        ...headWeights,
        [layerTensors.x]: matrix(x.subarray(from * dim, to * dim)),
        labels: new Tensor('int64', tokens.labels.subarray(from, to), [to - from]),
        weights: new Tensor('float32', tokens.weights.subarray(from, to), [to - from]),
      });
      result.loss += floatsOf(outputs, 'loss')[0];
      result.nll.set(floatsOf(outputs, 'nll'), from);
      if (backward) result.dx.set(floatsOf(outputs, layerTensors.dx), from * dim);
      for (const name of head.trained) {
        const part = floatsOf(outputs, gradientName(name));
        const sum = sums.get(name);
        if (sum) addInto(sum, part);
        else sums.set(name, part);
      }
    }
    return { ...result, gradients: sums };
  };

  const trained = namesOfTrained(options);
  return {
    graph: {
      weightShapes: llamaTensorShapes(config),
      loraShapes: lora ? loraTensorShapes(config, lora) : new Map(),
      trained,
    },
    run: async (tokens, loraScale = options.loraScale ?? 0, signal) => {
      const check = (): void => {
        if (signal?.aborted)
          throw new EngineError('training was cancelled', { code: 'training_cancelled', retry: 'safe' });
      };
      const shared: Record<string, Tensor> = {};
      if (lora) shared.lora_scale = new Tensor('float32', Float32Array.of(loraScale), []);
      if (options.packed) {
        if (!tokens.segments) throw new Error('bug: a packed session needs the segments of its batch');
        shared.segments = new Tensor('int64', tokens.segments, [batch, seq]);
      }
      const inputs: Float32Array[] = [embed(tokens.ids)]; // of each layer; the last is the head's
      for (const layer of layers) {
        check();
        const x = matrix(inputs[inputs.length - 1]);
        const outputs = await forward.session.run({ ...shared, ...layer, [layerTensors.x]: x });
        const y = floatsOf(outputs, layerTensors.y);
        if (backward) inputs.push(y);
        else inputs[0] = y; // nobody will ask for the others
      }
      const top = await runHead(inputs.pop() ?? new Float32Array(0), tokens, check);
      const found = new Map<string, Float32Array>(top.gradients);
      let dy: Float32Array = top.dx;
      for (let layer = layers.length - 1; backward && layer >= 0; layer--) {
        check();
        const x = matrix(inputs.pop() ?? new Float32Array(0));
        const feeds = { ...shared, ...layers[layer], [layerTensors.x]: x, [layerTensors.dy]: matrix(dy) };
        const outputs = await backward.session.run(feeds);
        dy = floatsOf(outputs, layerTensors.dx);
        for (const name of backward.trained)
          found.set(`model.layers.${layer}.${name}`, floatsOf(outputs, gradientName(name)));
      }
      if (gradients === 'full') {
        const sum = found.get(embedding) ?? new Float32Array(config.vocab * dim); // a tied head's is there already
        tokens.ids.forEach((id, row) => {
          const at = Number(id) * dim;
          addInto(sum.subarray(at, at + dim), dy.subarray(row * dim, (row + 1) * dim));
        });
        found.set(embedding, sum);
      }
      const ordered = trained.map((name) => [name, weightGradient(found, name)] as const);
      return { loss: top.loss, nll: top.nll, gradients: new Map(ordered) };
    },
    release: async () => {
      for (const { session } of [head, forward, ...(backward ? [backward] : [])]) await session.release();
    },
  };
}

/** In the order of the whole graph, which the optimiser's sums follow. */
function namesOfTrained({ config, gradients, lora }: LayerWiseOptions): readonly string[] {
  if (gradients === 'none') return [];
  if (gradients === 'full') return [...llamaTensorShapes(config).keys()];
  return lora ? [...loraTensorShapes(config, lora).keys()] : [];
}

function weightGradient(found: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const gradient = found.get(name);
  if (!gradient) throw new Error(`bug: no gradient of ${name} was computed`);
  return gradient;
}
