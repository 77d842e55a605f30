// Derivation: src/random/threefry.ts

// Two random 32-bit words for a key and a counter.
fn threefry2x32(key: vec2u, counter: vec2u) -> vec2u {
  let keys = array(key.x, key.y, key.x ^ key.y ^ 0x1BD11BDA);
  var words = counter + key;
  words = fourRounds(words, vec4u(13, 15, 26, 6)) + vec2u(keys[1], keys[2] + 1);
  words = fourRounds(words, vec4u(17, 29, 16, 24)) + vec2u(keys[2], keys[0] + 2);
  words = fourRounds(words, vec4u(13, 15, 26, 6)) + vec2u(keys[0], keys[1] + 3);
  words = fourRounds(words, vec4u(17, 29, 16, 24)) + vec2u(keys[1], keys[2] + 4);
  words = fourRounds(words, vec4u(13, 15, 26, 6)) + vec2u(keys[2], keys[0] + 5);
  return words;
}

fn fourRounds(words: vec2u, rotations: vec4u) -> vec2u {
  var mixed = addRotateXor(words, rotations.x);
  mixed = addRotateXor(mixed, rotations.y);
  mixed = addRotateXor(mixed, rotations.z);
  return addRotateXor(mixed, rotations.w);
}

// x0 += x1, x1 = (x1 rotated left) ⊕ x0
fn addRotateXor(words: vec2u, rotation: u32) -> vec2u {
  let x0 = words.x + words.y;
  let rotated = (words.y << rotation) | (words.y >> (32 - rotation));
  return vec2u(x0, rotated ^ x0);
}
