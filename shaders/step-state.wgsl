// requires: step-state-layout
// Derivation: src/ops/step-state.ts
// losses (R), L (1). A single invocation.
struct Parameters { batchSize: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> parameters: Parameters;

@group(0) @binding(0) var<storage, read_write> losses: array<f32>;
@group(0) @binding(1) var<storage, read> L: array<f32>;
@group(0) @binding(2) var<storage, read> stateRead: StepState;

@group(0) @binding(0) var<storage, read_write> state: StepState;

@compute @workgroup_size(1)
fn recordLoss() {
  losses[stateRead.row] = L[0];
}

@compute @workgroup_size(1)
fn advance() {
  state.step++;
  state.row++;
  state.position += parameters.batchSize;
}
