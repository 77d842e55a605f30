// What products multiply, and add up: shaders/gemm.wgsl.
alias Four = vec4f;
alias Block = mat4x4f;
const SETTLES = false;
