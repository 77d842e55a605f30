/**
 * What the figures are measured against. Each target says what is wanted, what came out, and whether
 * that meets it: null where it cannot be judged, with the reason.
 *
 * @typedef {{ title: string, wanted: string, got: string, met: boolean | null }} Target
 */

const OWN = 'handgrad';
const PYTORCH = 'PyTorch';
const TENSORFLOW = 'TensorFlow.js WebGPU';

const LARGEST = 4096;

/**
 * @param {object[]} results
 * @param {{ quick: boolean, isMnist: boolean, hasCuda: boolean, parts: readonly string[] }} run
 * @returns {Target[]}
 */
export function judge(results, run) {
  const find = (part, contestant) => {
    const result = results.find((r) => r.part === part && r.contestant === contestant);
    return result?.error === undefined && result?.verified !== false ? result : undefined;
  };
  return TARGETS.filter(({ part }) => run.parts.includes(part)).map((target) =>
    judgeOne(target, find, run),
  );
}

function judgeOne({ title, wanted, needsPytorch, needsMnist, measure }, find, run) {
  const measured = measure(find);
  if (measured === undefined) return { title, wanted, got: 'not measured', met: null };
  const why = [
    run.quick && 'tiny sizes',
    needsPytorch && !run.hasCuda && 'PyTorch is on the CPU',
    needsMnist && !run.isMnist && 'drawn digits, not MNIST',
  ].filter(Boolean);
  if (why.length === 0) return { title, wanted, ...measured };
  return { title, wanted, got: `${measured.got} (not judged: ${why.join(', ')})`, met: null };
}

const TARGETS = [
  {
    part: 'matmul',
    title: `product of ${LARGEST}³, float32, against PyTorch without TF32`,
    wanted: 'at least half as fast',
    needsPytorch: true,
    measure: (find) => {
      const ratio = fasterProduct(find('matmul', OWN), find('matmul', PYTORCH));
      return judged(ratio, formatRatio, ratio >= 0.5);
    },
  },
  {
    part: 'matmul',
    title: `product of ${LARGEST}³, float32, against TensorFlow.js on WebGPU`,
    wanted: 'at least 3 times as fast',
    measure: (find) => {
      const ratio = fasterProduct(find('matmul', OWN), find('matmul', TENSORFLOW));
      return judged(ratio, formatRatio, ratio >= 3);
    },
  },
  {
    part: 'conv-fast',
    title: 'one epoch of conv-fast over MNIST, warm',
    wanted: 'at most 1.0 s',
    needsMnist: true,
    measure: (find) => {
      const seconds = find('conv-fast', OWN)?.seconds;
      return judged(seconds, (figure) => `${figure.toFixed(2)} s`, seconds <= 1);
    },
  },
  {
    part: 'conv-fast',
    title: 'its accuracy, mean of seeds 0, 1 and 2',
    wanted: 'at least 98.9 %',
    needsMnist: true,
    measure: (find) => {
      const accuracy = find('conv-fast', OWN)?.accuracy;
      return judged(accuracy, (share) => `${(100 * share).toFixed(2)} %`, accuracy >= 0.989);
    },
  },
  {
    part: 'mlp',
    title: 'one epoch of mlp at batch 64, against PyTorch',
    wanted: 'no slower',
    needsPytorch: true,
    measure: (find) => comparedEpochs(find, 'mlp', 1),
  },
  {
    part: 'overhead',
    title: 'CPU time of a kernel call',
    wanted: 'under 8 µs',
    measure: (find) => {
      const most = find('overhead', OWN)?.microsecondsPerKernel;
      return judged(most, (figure) => `${figure.toFixed(2)} µs at most`, most < 8);
    },
  },
  {
    part: 'resnet18',
    title: 'one epoch of ResNet-18 at batch 256, against PyTorch without TF32',
    wanted: 'faster, or at most twice as long',
    needsPytorch: true,
    measure: (find) => comparedEpochs(find, 'resnet18', 2),
  },
];

/** Undefined for what is no figure. 0 is one. */
function judged(figure, format, met) {
  return Number.isFinite(figure) ? { got: format(figure), met } : undefined;
}

/** Three digits. */
function formatRatio(ratio) {
  return `${Number(ratio.toPrecision(3))}×`;
}

/** How many times as fast the first one multiplies the largest matrices that both did. */
function fasterProduct(own, other) {
  const largest = (result) => result?.products.at(-1);
  const [a, b] = [largest(own), largest(other)];
  return a && b && a.n === b.n ? a.gflops / b.gflops : undefined;
}

function comparedEpochs(find, part, most) {
  const [own, other] = [find(part, OWN)?.seconds, find(part, PYTORCH)?.seconds];
  const ratio = own / other;
  return judged(ratio, (figure) => `${Number(figure.toPrecision(3))} times as long`, ratio <= most);
}
