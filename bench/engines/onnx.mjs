/**
 * Encodes ONNX models of one operator as protobuf. A message is a sequence of fields; a field is
 *
 *   key      field number · 8 + wire type, as a varint
 *   value    wire type 0: a varint; wire type 2: its length as a varint, then its bytes
 *
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

const FLOAT = 1;
const INTEGER_ATTRIBUTE = 2;
/** Versions of format and operator set: old enough for all current engines. */
const IR_VERSION = 8;
const OPERATOR_SET = 17;

/** C = A·B as one `Gemm` with constant operands. */
export function encodeProduct({ m, n }, { transposeA, transposeB, shapeA, shapeB }, { a, b }) {
  return encodeModel({
    operator: 'Gemm',
    attributes: { transA: Number(transposeA), transB: Number(transposeB) },
    constants: { A: [shapeA, a], B: [shapeB, b] },
    shape: [m, n],
  });
}

/**
 * A model of one operator with constant inputs and the output `result`.
 *
 * @param {{ operator: string, attributes?: Record<string, number>, shape: readonly number[],
 *   constants: Record<string, [shape: readonly number[], values: Float32Array]> }} model the inputs
 *   by name, in their order, and the shape of the output
 * @returns {Uint8Array} a ModelProto
 */
export function encodeModel({ operator, attributes = {}, constants, shape }) {
  const node = message(
    ...Object.keys(constants).map((name) => text(1, name)),
    text(2, 'result'),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  );
  const graph = message(
    bytes(1, node),
    text(2, operator),
    ...Object.entries(constants).map(([name, constant]) => bytes(5, tensor(name, ...constant))),
    bytes(12, valueInfo('result', shape)),
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

/** ValueInfoProto with the TypeProto of a tensor. */
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

/** Groups of seven bits, lowest first; the eighth bit marks that another group follows. */
function varint(value) {
  const groups = [];
  for (; value > 127; value = Math.floor(value / 128)) groups.push((value % 128) | 128);
  return Buffer.from([...groups, value]);
}
