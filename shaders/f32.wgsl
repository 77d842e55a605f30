// The number format of a GEMM: operands and accumulators are f32.
alias Vec4 = vec4f;
alias Block4x4 = mat4x4f;
const PROMOTES = false;
