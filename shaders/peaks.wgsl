// requires: exp
// The peak rates of a GPU, the limits of the roofline model: independent chains of operations in
// registers, without memory traffic until the end. Each workgroup is a turn: each of its WORKGROUP
// invocations runs PEAK_LOOPS iterations over eight chains of vec4f (multiply-adds) or one
// (exponentials).

// The compiler does not know the values of uniforms, so it cannot fold the loops.
struct Parameters { turns: u32, factor: f32, addend: f32 }
@group(0) @binding(0) var<storage, read_write> sums: array<f32>;
@group(0) @binding(PARAMETERS_BINDING) var<uniform> parameters: Parameters;

// Every chain converges to addend / (1 − factor), far from subnormal numbers.
@compute @workgroup_size(WORKGROUP)
fn multiplyAdds(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (group.x + group.y * groups.x >= parameters.turns) { return; }
  let a = vec4f(parameters.factor);
  let b = vec4f(parameters.addend);
  var x0 = vec4f(f32(lane));
  var x1 = x0 + 1;
  var x2 = x0 + 2;
  var x3 = x0 + 3;
  var x4 = x0 + 4;
  var x5 = x0 + 5;
  var x6 = x0 + 6;
  var x7 = x0 + 7;
  for (var i = 0u; i < PEAK_LOOPS; i++) {
    x0 = fma(x0, a, b);
    x1 = fma(x1, a, b);
    x2 = fma(x2, a, b);
    x3 = fma(x3, a, b);
    x4 = fma(x4, a, b);
    x5 = fma(x5, a, b);
    x6 = fma(x6, a, b);
    x7 = fma(x7, a, b);
  }
  keepResult(dot(x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7, vec4f(1)));
}

// Every chain converges to the x with x = addend + factor · eˣ.
@compute @workgroup_size(WORKGROUP)
fn exponentials(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (group.x + group.y * groups.x >= parameters.turns) { return; }
  let a = parameters.factor;
  let b = parameters.addend;
  var x = vec4f(0, 0.25, 0.5, 0.75) + f32(lane) / 1024;
  for (var i = 0u; i < PEAK_LOOPS; i++) {
    let e = vec4f(preciseExp(x.x), preciseExp(x.y), preciseExp(x.z), preciseExp(x.w));
    x = fma(e, vec4f(a), vec4f(b));
  }
  keepResult(dot(x, vec4f(1)));
}

// Never writes, because no sum is that small; the compiler cannot know that, so it keeps the loops.
fn keepResult(sum: f32) {
  if (sum < -1e30) { sums[0] = sum; }
}
