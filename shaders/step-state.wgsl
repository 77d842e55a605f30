// Derivation: src/ops/step-state.ts
// losses (R), L (1). One invocation.
struct Batch { size: u32 }
@group(0) @binding(8) var<uniform> batch: Batch;

struct StepState { step: u32, row: u32, position: u32, unused: u32 }

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
  state.position += batch.size;
}
