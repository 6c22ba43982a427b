// Ours against llama.cpp on the same weights: decoding 16 rows and one row, reading a prompt, and whether both say the
// same tokens. Used by the serving bench. Weights: int8 in blocks of 32 (ours: MatMulNBits; peer: Q8_0), 135M shape,
// 128 tokens in each row before decoding. Each side runs at the thread count (and the peer with the attention kernel)
// that is faster for it, found by trying; the rounds are interleaved.
import { join } from 'node:path';
import { loadLoraAdapter } from '../../engine/model/lora-adapter.ts';
import type { BatchSession } from '../../engine/serve/batch-session.ts';
import { packAdapter } from '../../engine/serve/pack-adapter.ts';
import type { FigureKind, Measured } from './bench-figure.ts';
import { benchIds } from './bench-model.ts';
import { fastest, interleaved, type Rates, ratioOf, rounded } from './interleaved.ts';
import { writeLlamaGguf, writeLoraGguf } from './llama-gguf.ts';
import { loadPeerModel, type PeerModel } from './llama-peer.ts';
import { decodeSide, fillRows, ownFastest, prefillSide } from './own-sides.ts';
import { type PeerSide, peerAdapterSides, peerDecodeSides, peerPrefillSides } from './peer-sides.ts';
import { readBandwidth } from './read-bandwidth.ts';
import { type Measure, type ServeBench, shapes } from './serve-bench-context.ts';

const batch = 16;
const config = shapes['135M'];

const kinds = {
  sameTokens: {
    name: 'same-tokens',
    measure: 'f32, 15M: likeliest next tokens equal to the peer’s',
    unit: '%',
    goal: { atLeast: 100 },
  },
  batch: {
    name: 'decode-16',
    measure: 'decode, 16 rows, 16 different adapters, int8, 135M: ours / peer without adapters',
    unit: '×',
    goal: { atLeast: 1.5 },
  },
  adapters: {
    name: 'decode-16-adapters',
    measure: 'the same / peer with the adapters one after another',
    unit: '×',
    goal: { atLeast: 6 },
  },
  prefill: {
    name: 'prefill-128',
    measure: 'prefill of 128 tokens, int8: ours / peer',
    unit: '×',
    goal: { atLeast: 1.6 },
  },
  one: { name: 'decode-1', measure: 'decode, 1 row, int8: ours / peer', unit: '×', goal: { atLeast: 0.85 } },
  bandwidth: {
    name: 'bandwidth',
    measure: 'share of the memory bandwidth reached at 1 row, int8',
    unit: '%',
  },
} as const satisfies Record<string, FigureKind>;

/** Greedy tokens of f32 weights are compared before anything is timed. */
export const equalityMeasure: Measure = {
  figures: [kinds.sameTokens],
  run: async (bench) => {
    const model = await peerModel(bench, '15M', 'F32');
    if ('missing' in model) return { [kinds.sameTokens.name]: model };
    const session = await bench.openSession('15M', { weights: 'f32', rowsMax: 1, threads: 1 });
    const peer = await model.createContext({
      sequences: 1,
      contextTokens: 512,
      threads: 1,
      flashAttention: false,
      cache: 'f32',
    });
    try {
      let equal = 0;
      let total = 0;
      for (let prompt = 0; prompt < 12; prompt++) {
        const ids = benchIds(shapes['15M'], 5 + 17 * prompt, prompt);
        peer.truncate(0, 0);
        await peer.prefill(0, 0, ids);
        const step = await session.prefill({ row: 0, start: 0, ids, temperature: 0, wanted: 'last' });
        let own = step.topIds(0)[0];
        for (let length = ids.length; length < ids.length + 16; length++, total++) {
          if ((await peer.greedy()) === own) equal += 1;
          await peer.prefill(0, length, [own]);
          own = (await session.decode({ ids: [own], lengths: [length], temperatures: [0] })).topIds(0)[0];
        }
      }
      const details = { 'tokens compared': total };
      return { [kinds.sameTokens.name]: { value: (100 * equal) / total, details } };
    } finally {
      await peer.dispose();
      await model.dispose();
      await session.release();
    }
  },
};

/** 16 rows with 16 adapters, beside both ways of the peer. */
export const batchMeasure: Measure = {
  figures: [kinds.batch, kinds.adapters],
  run: async (bench) => {
    const model = await peerModel(bench, '135M', 'Q8_0');
    if ('missing' in model) return { [kinds.batch.name]: model, [kinds.adapters.name]: model };
    const adapters = bench.adapterFolders('135M', batch).map((folder) => loadLoraAdapter(folder, config));
    const prepare = async (session: BatchSession): Promise<void> => {
      for (const [row, adapter] of adapters.entries())
        await session.setAdapter(row, packAdapter(`bench ${row}`, config, adapter));
      await fillRows(session, batch);
    };
    const loras = [];
    for (const [index, adapter] of adapters.entries()) {
      const path = join(bench.folder, `lora-${index}.gguf`);
      writeLoraGguf(path, config, adapter);
      loras.push(await model.loadLora(path));
    }
    const own = await ownFastest(bench, batch, async (session, name) => {
      await prepare(session);
      return decodeSide(name, session, batch);
    });
    const plain = await peerFastest(bench, await peerDecodeSides(model, config, batch, bench.threads));
    const apart = await peerFastest(bench, await peerAdapterSides(model, config, loras, bench.threads));
    bench.say(`  ours: ${own.side.name}`);
    const [ours, peers, oneByOne] = await interleaved([own.side, plain, apart], bench.quick ? 2 : 9);
    await own.session.release();
    await plain.dispose();
    await apart.dispose();
    await model.dispose();
    return { [kinds.batch.name]: ratioOf(ours, peers), [kinds.adapters.name]: ratioOf(ours, oneByOne) };
  },
};

/** One row and one prompt, both without adapters; and what one row makes of the memory. */
export const singleMeasure: Measure = {
  figures: [kinds.prefill, kinds.one, kinds.bandwidth],
  run: async (bench) => {
    const rounds = bench.quick ? 2 : 15;
    const model = await peerModel(bench, '135M', 'Q8_0');
    const prefill = await ownFastest(bench, 1, async (session, name) => prefillSide(name, session));
    const decode = await ownFastest(bench, 1, async (session, name) => {
      await fillRows(session, 1);
      return decodeSide(name, session, 1);
    });
    try {
      if ('missing' in model) {
        const [alone] = await interleaved([decode.side], rounds);
        return {
          [kinds.prefill.name]: model,
          [kinds.one.name]: model,
          [kinds.bandwidth.name]: await share(bench, alone),
        };
      }
      const peerPrefill = await peerFastest(bench, await peerPrefillSides(model, config, bench.threads));
      const [readOwn, readPeer] = await interleaved([prefill.side, peerPrefill], rounds);
      await peerPrefill.dispose();
      const peerDecode = await peerFastest(bench, await peerDecodeSides(model, config, 1, bench.threads));
      const [ownOne, peerOne] = await interleaved([decode.side, peerDecode], rounds);
      await peerDecode.dispose();
      await model.dispose();
      return {
        [kinds.prefill.name]: ratioOf(readOwn, readPeer),
        [kinds.one.name]: ratioOf(ownOne, peerOne),
        [kinds.bandwidth.name]: await share(bench, ownOne),
      };
    } finally {
      await prefill.session.release();
      await decode.session.release();
    }
  },
};

/** Tokens per second times the bytes of all matrices (each is read once for a token), over what the machine can read. */
async function share(bench: ServeBench, decoding: Rates): Promise<Measured> {
  const bandwidth = await readBandwidth(bench.threads);
  let values = 0; // the embedding table counts once: it is the output head
  for (const { shape, data } of bench.weights('135M').values()) if (shape.length === 2) values += data.length;
  const bytes = values * (1 + 4 / 32); // int8, and an f32 scale for 32
  const rate = Math.max(...decoding.perSecond);
  return {
    value: (100 * rate * bytes) / bandwidth.best,
    details: {
      'GB per token': rounded(bytes / 1e9),
      'tokens per second, best': rounded(rate),
      'GB/s read': rounded(bandwidth.best / 1e9),
      'read by': bandwidth.by,
    },
  };
}

async function peerFastest(bench: ServeBench, sides: readonly PeerSide[]): Promise<PeerSide> {
  const best = await fastest(sides);
  for (const side of sides) if (side !== best) await side.dispose();
  bench.say(`  fastest of ${sides.length}: ${best.name}`);
  return best;
}

async function peerModel(
  bench: ServeBench,
  shape: '15M' | '135M',
  type: 'F32' | 'Q8_0',
): Promise<PeerModel | { readonly missing: string }> {
  const peer = await bench.peer();
  if ('missing' in peer) return peer;
  const path = join(bench.folder, `${shape}-${type}.gguf`);
  const weights = bench.weights(shape);
  writeLlamaGguf(path, shapes[shape], (name) => weights.get(name)!.data, type);
  return loadPeerModel(peer.bindings, path);
}
