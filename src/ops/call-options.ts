/** Types of the arguments and results of `step.call`. */

import type { Shape, Tensor } from '../tensor.js';
import type { AnyOp, CallAttributes, LikeRole, OutputRole } from './define-op.js';

/** A shape, or a tensor of that shape. */
export type ShapeSource = Tensor | Shape;

/** Options of `step.call`: the attributes of the op, `into`, `like` and `as`. */
export type CallOptions<O extends AnyOp, As extends OutputNames<O>> = CallAttributes<O> &
  LikeOptions<O> & {
    /** Renames outputs: `{ y: 'dx' }` returns the output y under the name dx. */
    readonly as?: As;
  };

/** New names for outputs, by role. */
export type OutputNames<O extends AnyOp> = { readonly [Role in OutputRole<O>]?: string };

type Into<Role extends string> = { readonly [R in Role]?: Tensor };

/** Outputs whose shape cannot be inferred take it from `like`, or from the tensor in `into`. */
type LikeOptions<O extends AnyOp> = [LikeRole<O>] extends [never]
  ? { readonly into?: Into<OutputRole<O>> }
  :
      | {
          readonly like: Readonly<Record<LikeRole<O>, ShapeSource>>;
          readonly into?: Into<OutputRole<O>>;
        }
      | {
          readonly like?: undefined;
          readonly into: Into<OutputRole<O>> & Readonly<Record<LikeRole<O>, Tensor>>;
        };

/** The options argument, which is optional unless the op needs attributes or `like`. */
export type CallArguments<O extends AnyOp, As extends OutputNames<O>> =
  Record<never, never> extends CallOptions<O, As>
    ? [options?: CallOptions<O, As>]
    : [options: CallOptions<O, As>];

/** The outputs of a call, under their role or the name that `as` gives them. */
export type CallOutputs<O extends AnyOp, As extends OutputNames<O>> = {
  readonly [Role in OutputRole<O> as Role extends keyof As
    ? As[Role] extends string
      ? As[Role]
      : Role
    : Role]: Tensor;
};

/** Call options of an op that is only known at run time. */
export interface AnyCallOptions {
  readonly attributes?: Readonly<Record<string, number>>;
  readonly into?: Readonly<Record<string, Tensor | undefined>>;
  readonly like?: Readonly<Record<string, ShapeSource | undefined>>;
  readonly as?: Readonly<Record<string, string | undefined>>;
}
