// What products multiply: numbers of 16 bits, of which a step's are added up as such. Its sum is then
// added to one of 32 bits, so that the error does not grow with the number of steps: shaders/gemm.wgsl.
enable f16;

alias Four = vec4h;
alias Block = mat4x4h;
const SETTLES = true;
