/* Functions of a program's own, which a worker imports: a schedule, and a layer under another name. */

/** A learning rate that falls with each step. Other options are kept, and not used. */
export function falling({ rate, ...rest }) {
  return {
    description: { name: 'falling', options: { rate, ...rest } },
    at: (step) => rate / (1 + step),
  };
}
