/* Functions of a program's own, which a worker imports: a schedule, and a layer under another name. */

/** A learning rate that falls with each step. */
export function falling({ rate }) {
  return {
    description: { name: 'falling', options: { rate } },
    at: (step) => rate / (1 + step),
  };
}
