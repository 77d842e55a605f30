/**
 * Writes ONNX models of one matrix product, byte by byte: the protobuf that they are made of is
 * simple enough for that. A message is a row of fields, and a field is
 *
 *   key      field number · 8 + wire type, as a varint
 *   value    wire type 0: a varint; wire type 2: its length as a varint, then its bytes
 *
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

const FLOAT = 1;
const INTEGER_ATTRIBUTE = 2;
/** Format and operator set: old enough for any engine of today. */
const IR_VERSION = 8;
const OPERATOR_SET = 17;

/**
 * C = A·B as one `Gemm`, both operands being constants of the model.
 *
 * @param {import('../job.mjs').Job} job
 * @param {{ transposeA: boolean, transposeB: boolean, shapeA: number[], shapeB: number[] }} shapes
 * @returns {Uint8Array} a ModelProto
 */
export function encodeProduct({ m, n }, { transposeA, transposeB, shapeA, shapeB }, { a, b }) {
  const node = message(
    text(1, 'A'),
    text(1, 'B'),
    text(2, 'C'),
    text(4, 'Gemm'),
    bytes(5, attribute('transA', Number(transposeA))),
    bytes(5, attribute('transB', Number(transposeB))),
  );
  const graph = message(
    bytes(1, node),
    text(2, 'product'),
    bytes(5, tensor('A', shapeA, a)),
    bytes(5, tensor('B', shapeB, b)),
    bytes(12, valueInfo('C', [m, n])),
  );
  return message(integer(1, IR_VERSION), bytes(8, integer(2, OPERATOR_SET)), bytes(7, graph));
}

/** AttributeProto. */
function attribute(name, value) {
  return message(text(1, name), integer(3, value), integer(20, INTEGER_ATTRIBUTE));
}

/** TensorProto. */
function tensor(name, shape, { buffer, byteOffset, byteLength }) {
  const dimensions = shape.map((extent) => integer(1, extent));
  const data = new Uint8Array(buffer, byteOffset, byteLength);
  return message(...dimensions, integer(2, FLOAT), text(8, name), bytes(9, data));
}

/** ValueInfoProto, with the TypeProto of a tensor in it. */
function valueInfo(name, shape) {
  const dimensions = shape.map((extent) => bytes(1, integer(1, extent)));
  const type = message(integer(1, FLOAT), bytes(2, message(...dimensions)));
  return message(text(1, name), bytes(2, bytes(1, type)));
}

function message(...fields) {
  return Buffer.concat(fields);
}

function integer(field, value) {
  return message(varint(field * 8), varint(value));
}

function text(field, value) {
  return bytes(field, Buffer.from(value));
}

function bytes(field, value) {
  return message(varint(field * 8 + 2), varint(value.length), value);
}

/** Seven bits at a time, the lowest first; the eighth says that more follow. */
function varint(value) {
  const groups = [];
  for (; value > 127; value = Math.floor(value / 128)) groups.push((value % 128) | 128);
  return Buffer.from([...groups, value]);
}
