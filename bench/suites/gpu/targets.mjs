/**
 * The targets on a GPU: the wanted figure, the measured one, and whether it is met. If that cannot be
 * judged, `met` is null and `got` names the reason.
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
  const find = (part, candidate) => {
    const result = results.find((r) => r.part === part && r.candidate === candidate);
    return result?.error === undefined && result?.verified !== false ? result : undefined;
  };
  return TARGETS.filter(({ part }) => run.parts.includes(part)).map((target) =>
    judgeOne(target, find, run),
  );
}

function judgeOne({ title, wanted, needsPytorch, needsMnist, measure }, find, run) {
  const measured = measure(find);
  if (measured === undefined) return { title, wanted, got: 'not measured', met: null };
  const reasons = [
    run.quick && 'tiny sizes',
    needsPytorch && !run.hasCuda && 'PyTorch is on the CPU',
    needsMnist && !run.isMnist && 'synthetic digits instead of MNIST',
  ].filter(Boolean);
  if (reasons.length === 0) return { title, wanted, ...measured };
  return { title, wanted, got: `${measured.got} (not judged: ${reasons.join(', ')})`, met: null };
}

const TARGETS = [
  {
    part: 'matmul',
    title: `speed of a product of ${LARGEST}³ in float32, relative to PyTorch without TF32`,
    wanted: 'at least 0.6×',
    needsPytorch: true,
    measure: (find) => {
      const ratio = relativeSpeed(find('matmul', OWN), find('matmul', PYTORCH));
      return judged(ratio, formatRatio, ratio >= 0.6);
    },
  },
  {
    part: 'matmul',
    title: `speed of a product of ${LARGEST}³ in float32, relative to TensorFlow.js on WebGPU`,
    wanted: 'at least 3×',
    measure: (find) => {
      const ratio = relativeSpeed(find('matmul', OWN), find('matmul', TENSORFLOW));
      return judged(ratio, formatRatio, ratio >= 3);
    },
  },
  {
    part: 'conv-fast',
    title: 'an epoch of conv-fast over MNIST, warm',
    wanted: 'at most 0.3 s',
    needsMnist: true,
    measure: (find) => {
      const seconds = find('conv-fast', OWN)?.seconds;
      return judged(seconds, (figure) => `${figure.toFixed(2)} s`, seconds <= 0.3);
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
    part: 'conv-fast',
    title: 'its time, relative to PyTorch without TF32',
    wanted: 'at most 1×',
    needsPytorch: true,
    measure: (find) => compareEpochs(find, 'conv-fast', 1),
  },
  {
    part: 'mlp',
    title: 'time of an epoch of mlp at batch 64, relative to PyTorch without TF32',
    wanted: 'at most 0.5×',
    needsPytorch: true,
    measure: (find) => compareEpochs(find, 'mlp', 0.5),
  },
  {
    part: 'resnet18',
    title: 'time of an epoch of ResNet-18 at batch 256, relative to PyTorch without TF32',
    wanted: 'at most 1×',
    needsPytorch: true,
    measure: (find) => compareEpochs(find, 'resnet18', 1),
  },
  {
    part: 'overhead',
    title: 'CPU time of a dispatch',
    wanted: 'at most 4 µs',
    measure: (find) => {
      const most = find('overhead', OWN)?.microsecondsPerKernel;
      return judged(most, (figure) => `${figure.toFixed(2)} µs at most`, most <= 4);
    },
  },
];

/** Undefined unless the figure is a finite number; 0 counts as measured. */
function judged(figure, format, met) {
  return Number.isFinite(figure) ? { got: format(figure), met } : undefined;
}

/** Three digits. */
function formatRatio(ratio) {
  return `${Number(ratio.toPrecision(3))}×`;
}

/** Ratio of the speeds at the largest product that both measured. */
function relativeSpeed(own, other) {
  const largest = (result) => result?.products.at(-1);
  const [a, b] = [largest(own), largest(other)];
  return a && b && a.n === b.n ? a.gflops / b.gflops : undefined;
}

/** Ratio of the times of an epoch. */
function compareEpochs(find, part, most) {
  const [own, other] = [find(part, OWN)?.seconds, find(part, PYTORCH)?.seconds];
  const ratio = own / other;
  return judged(ratio, formatRatio, ratio <= most);
}
