// How a model stretches its rotary positions beyond the length it was first trained for: what config.json says about
// it, and the angle per position that follows. Used by model-config.ts (reading) and ops-rotary.ts (tables).
// Knows no graph. Formulas as in Hugging Face transformers, modeling_rope_utils.py; engine/reference/ has its own.
// Supported: linear (kaiokendev), llama3 (Llama 3.1), yarn (arXiv 2309.00071), dynamic NTK as far as it leaves the
// angles alone (see `parseRope`). longrope and every other kind are refused by name.
import {
  booleanField,
  type ConfigFields,
  malformedConfig,
  positiveField,
  show,
  sizeField,
  unsupportedConfig,
} from './config-fields.ts';
import { isRecord } from './json-file.ts';

export type RopeScaling = LinearScaling | Llama3Scaling | YarnScaling;

/** All angles divided by `factor`. */
interface LinearScaling {
  readonly kind: 'linear';
  readonly factor: number;
}

/** Slow angles divided by `factor`, fast ones kept, a linear blend between. */
interface Llama3Scaling {
  readonly kind: 'llama3';
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  /** tokens */
  readonly originalMaxSeq: number;
}

/** As llama3, with the blend by dimension; cos and sin are multiplied by `attentionFactor`. */
interface YarnScaling {
  readonly kind: 'yarn';
  readonly factor: number;
  /** Turns within originalMaxSeq above which an angle is kept, and below which it is divided. */
  readonly betaFast: number;
  readonly betaSlow: number;
  /** The ends of the blend are whole dimensions. */
  readonly truncate: boolean;
  readonly attentionFactor: number;
  /** tokens */
  readonly originalMaxSeq: number;
}

interface Rope {
  readonly theta: number;
  /** Left out = plain rotary positions. */
  readonly scaling?: RopeScaling;
  /** The context this scaling reaches, in tokens. */
  readonly maxSeq: number;
}

const kinds = ['default', 'linear', 'dynamic', 'llama3', 'yarn'] as const;

/**
 * Reads `rope_theta` and `rope_scaling` (with `type` or `rope_type`), or the newer `rope_parameters` that hold both.
 * Dynamic NTK changes the angles only for texts beyond max_position_embeddings, so within them it is plain rotary:
 * it is served as that, with the context ending there.
 * @param maxSeq max_position_embeddings, tokens
 * @throws EngineError `config_unsupported` | `config_malformed`
 */
export function parseRope(fields: ConfigFields, maxSeq: number): Rope {
  const { json, where } = fields;
  const key = isNonEmpty(json.rope_scaling) ? 'rope_scaling' : 'rope_parameters';
  const found = json[key] ?? json.rope_scaling ?? {};
  if (!isRecord(found)) throw malformedConfig(where, `${key} is ${show(found)}, expected an object`);
  const rope: ConfigFields = { json: found, where: `${where}: ${key}` };
  if (Object.values(found).some(isRecord))
    throw unsupportedConfig(where, `${key} differs by layer type; supported: one for all layers`);
  for (const place of [json, found]) {
    const share = place.partial_rotary_factor ?? 1;
    if (share !== 1) throw unsupportedConfig(where, `partial_rotary_factor ${show(share)}, only 1`);
  }
  const thetaHolder = found.rope_theta === undefined ? fields : rope;
  const theta = positiveField(thetaHolder, 'rope_theta', 10000);
  const kind: unknown = found.rope_type ?? found.type ?? 'default';
  const original = { ...json, ...found }.original_max_position_embeddings ?? undefined;
  switch (kind) {
    case 'default':
      return { theta, maxSeq };
    case 'linear':
      return { theta, maxSeq, scaling: { kind, factor: factorOf(rope) } };
    case 'dynamic': {
      factorOf(rope);
      const plainUntil = original === undefined ? maxSeq : sizeField(ofOriginal(original), originalKey);
      return { theta, maxSeq: Math.min(maxSeq, plainUntil) };
    }
    case 'llama3': {
      const lowFreqFactor = positiveField(rope, 'low_freq_factor');
      const highFreqFactor = positiveField(rope, 'high_freq_factor');
      if (highFreqFactor <= lowFreqFactor)
        throw malformedConfig(
          rope.where,
          `high_freq_factor ${highFreqFactor} is not above low_freq_factor ${lowFreqFactor}`,
        );
      const originalMaxSeq = sizeField(rope, originalKey);
      const scaling = {
        kind,
        factor: factorOf(rope),
        lowFreqFactor,
        highFreqFactor,
        originalMaxSeq,
      } as const;
      return { theta, maxSeq, scaling };
    }
    case 'yarn': {
      const originalMaxSeq = sizeField(ofOriginal(original ?? maxSeq), originalKey);
      const factor = factorOf(rope, Math.max(1, maxSeq / originalMaxSeq));
      const scaling = yarnOf(rope, factor, originalMaxSeq);
      // Qwen2.5's cards have `factor` written beside an unchanged max_position_embeddings: yarn reaches their product.
      return { theta, maxSeq: Math.max(maxSeq, Math.floor(originalMaxSeq * factor)), scaling };
    }
    default:
      throw unsupportedConfig(where, `${key} of type ${show(kind)}; supported: ${kinds.join(', ')}`);
  }

  function ofOriginal(value: unknown): ConfigFields {
    return { json: { [originalKey]: value }, where: rope.where };
  }
}

const originalKey = 'original_max_position_embeddings';

function yarnOf(rope: ConfigFields, factor: number, originalMaxSeq: number): YarnScaling {
  const { mscale, mscale_all_dim: allDim, attention_factor: given } = rope.json;
  const byLength = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const ratio = (): number =>
    mscale && allDim
      ? byLength(positiveField(rope, 'mscale')) / byLength(positiveField(rope, 'mscale_all_dim'))
      : byLength(1);
  return {
    kind: 'yarn',
    factor,
    betaFast: positiveField(rope, 'beta_fast', 32),
    betaSlow: positiveField(rope, 'beta_slow', 1),
    truncate: booleanField(rope, 'truncate', true),
    attentionFactor:
      given === undefined || given === null ? ratio() : positiveField(rope, 'attention_factor'),
    originalMaxSeq,
  };
}

function factorOf(rope: ConfigFields, fallback?: number): number {
  const factor = positiveField(rope, 'factor', fallback);
  if (factor < 1) throw malformedConfig(rope.where, `factor is ${factor}, expected 1 or more`);
  return factor;
}

function isNonEmpty(value: unknown): boolean {
  return value !== undefined && value !== null && !(isRecord(value) && Object.keys(value).length === 0);
}

/** `rope_scaling` as config.json has it. Inverse of {@link parseRope}. */
export function ropeScalingJson(scaling: RopeScaling | undefined): Readonly<Record<string, unknown>> | null {
  switch (scaling?.kind) {
    case undefined:
      return null;
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor };
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFreqFactor,
        high_freq_factor: scaling.highFreqFactor,
        [originalKey]: scaling.originalMaxSeq,
      };
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        truncate: scaling.truncate,
        attention_factor: scaling.attentionFactor,
        [originalKey]: scaling.originalMaxSeq,
      };
  }
}
