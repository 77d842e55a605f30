// The step state of src/ops/step-state.ts, as kernels read it.
struct StepState { step: u32, row: u32, position: u32, unused: u32 }
