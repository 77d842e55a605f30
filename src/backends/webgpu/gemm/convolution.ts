/* The implicit GEMMs of a convolution: sizes as in src/ops/conv2d.ts, operands as in shaders/conv2d.wgsl. */
import { MAX_PHASES } from '../shaders/constants.js';
import type { Gemm } from './gemm.js';

type Sizes = Readonly<Record<string, number>>;

/** y = X·W: a row per output pixel, a column per output channel. */
export function convolutionForward(sizes: Sizes): Gemm {
  const { G, taps, outputPixels, inputChannels, outputChannels } = countsOf(sizes);
  const vec4B = outputChannels % 4 === 0;
  return { M: outputPixels, N: outputChannels, K: taps * inputChannels, G, vec4B };
}

/** dW = Xᵀ·dy. */
export function convolutionBackwardWeight(sizes: Sizes): Gemm {
  const { G, taps, outputPixels, inputChannels, outputChannels } = countsOf(sizes);
  return {
    M: taps * inputChannels,
    N: outputChannels,
    K: outputPixels,
    G,
    transposeA: true,
    vec4A: inputChannels % 4 === 0,
    vec4B: outputChannels % 4 === 0,
  };
}

/** dx = Y·Wᵗ, a GEMM for each phase of the stride. */
export function convolutionBackwardInput(sizes: Sizes): Gemm {
  const { G, phases, inputPixels, inputChannels, outputChannels } = countsOf(sizes);
  return {
    M: phases.inputPixels,
    N: inputChannels,
    K: phases.taps * outputChannels,
    G,
    phases: phases.count,
    R: inputPixels,
    transposeB: true,
  };
}

/** Channels are per group. The phases' pixels and taps are those of the largest phase. */
function countsOf(sizes: Sizes) {
  const { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, DH, DW, G } = sizes;
  const [phasesDown, phasesAcross] = [phasesOf(SH, DH), phasesOf(SW, DW)];
  return {
    G,
    taps: KH * KW,
    outputPixels: B * OH * OW,
    inputChannels: C / G,
    outputChannels: OC / G,
    phases: {
      count: phasesDown * phasesAcross,
      inputPixels: B * Math.ceil(H / phasesDown) * Math.ceil(W / phasesAcross),
      taps: Math.ceil(KH / phasesDown) * Math.ceil(KW / phasesAcross),
    },
    inputPixels: B * H * W,
  };
}

/** Phases along one axis: `phaseCounts` in shaders/conv2d.wgsl applies the same rule. */
function phasesOf(stride: number, dilation: number): number {
  return dilation === 1 && stride <= MAX_PHASES ? stride : 1;
}
