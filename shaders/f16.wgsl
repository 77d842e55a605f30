// The number format of a GEMM: operands are f16. The DEPTH products of one step accumulate in f16; their
// sum is then promoted, that is added to an f32 accumulator, so that the error does not grow with the
// number of steps.
enable f16;

alias Vec4 = vec4h;
alias Block4x4 = mat4x4h;
const PROMOTES = true;
