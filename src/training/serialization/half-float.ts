/**
 * The value of a 16-bit float with 1 sign bit, E exponent bits e and M = 15 − E fraction bits f:
 *
 *   normal       ± 2^(e − bias) · (1 + f / 2^M),   bias = 2^(E−1) − 1
 *   e = 0        ± 2^(1 − bias) · (f / 2^M)
 *   e all ones   ± Infinity where f = 0, else NaN
 *
 * Every result is exact in float32.
 *
 * @param bits         the 16 bits, sign first
 * @param exponentBits E: 5 in IEEE 754 binary16, 8 in bfloat16
 */
export function halfToNumber(bits: number, exponentBits: number): number {
  const scale = 2 ** (15 - exponentBits);
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = Math.floor((bits & 0x7fff) / scale);
  const fraction = (bits % scale) / scale;
  if (exponent === 0) return sign * 2 ** (1 - bias) * fraction;
  if (exponent === 2 * bias + 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * 2 ** (exponent - bias) * (1 + fraction);
}
