// Conversions between float32 and the two 16-bit float formats that weights are stored in.
// Used by: safetensors, quantise, adapters, exports. Knows only numbers.
// Invariants: widening is exact for every bit pattern (subnormals, infinities, NaN); narrowing rounds to nearest even.

/** IEEE 754 binary16 -> float32, element by element. @param into as long as `half`; returned */
export function float32FromHalf(half: Uint16Array, into = new Float32Array(half.length)): Float32Array {
  const bits = new Uint32Array(into.buffer, into.byteOffset, half.length);
  for (let i = 0; i < half.length; i++) {
    const word = half[i];
    const sign = (word & 0x8000) << 16;
    const size = word & 0x7fff;
    if (size >= 0x7c00)
      bits[i] = sign | 0x7f800000 | ((size & 0x3ff) << 13); // infinity, NaN
    else if (size >= 0x400)
      bits[i] = sign | ((size << 13) + 0x38000000); // the exponents' biases differ by 112
    else bits[i] = sign | subnormal(size);
  }
  return into;
}

/** Bits of fraction * 2^-24 as a float32; fraction below 1024. */
function subnormal(fraction: number): number {
  if (fraction === 0) return 0;
  const top = 31 - Math.clz32(fraction);
  return ((top + 103) << 23) | ((fraction << (23 - top)) & 0x7fffff);
}

/** bfloat16 -> float32: the upper half of the same bits. @param into as long as `stored`; returned */
export function float32FromBfloat16(
  stored: Uint16Array,
  into = new Float32Array(stored.length),
): Float32Array {
  const bits = new Uint32Array(into.buffer, into.byteOffset, stored.length);
  for (let i = 0; i < stored.length; i++) bits[i] = stored[i] << 16;
  return into;
}

/** float32 -> IEEE 754 binary16, round to nearest even; too large becomes infinity. */
export function halfFromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const word = bits[i];
    const sign = (word >>> 16) & 0x8000;
    const exponent = ((word >>> 23) & 0xff) - 127;
    const mantissa = word & 0x7fffff;
    if (exponent === 128) out[i] = sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
    else if (exponent > 15) out[i] = sign | 0x7c00;
    else if (exponent >= -14) out[i] = sign | roundShift(((exponent + 15) << 23) | mantissa, 13);
    else if (exponent >= -25) out[i] = sign | roundShift(0x800000 | mantissa, -exponent - 1);
    else out[i] = sign;
  }
  return out;
}

/** float32 -> bfloat16, round to nearest even; too large becomes infinity. */
export function bfloat16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i];
    const isNoNumber = (word & 0x7fffffff) > 0x7f800000;
    out[i] = isNoNumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/**
 * float64 -> float32 such that a second rounding, to 16 bits, ends where one rounding would have: what is not exact is
 * cut off and its last bit set (round to odd; Boldo and Melquiond, hal.science/inria-00080427).
 */
export function float32ForNarrowing(values: Float64Array): Float32Array {
  const out = Float32Array.from(values);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < out.length; i++) {
    if (out[i] === values[i] || !Number.isFinite(out[i])) continue;
    if (Math.abs(out[i]) > Math.abs(values[i])) bits[i] -= 1;
    bits[i] |= 1;
  }
  return out;
}

/** value / 2^shift, ties to even. A carry into the exponent is the right answer: it is the next float. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept;
}
