/** Examples with their targets, in memory: what `Trainer.fit` and `Trainer.evaluate` take. */
export interface Dataset {
  /** What it is, for messages: `MNIST training split`. */
  readonly name: string;
  /** Number of examples N. */
  readonly size: number;
  /** Numbers per example F: 784 for a 28×28 image. */
  readonly features: number;
  /**
   * (N, F), row-major. Bytes are normalised as `(byte / 255 − mean) / std` when a batch is
   * gathered; floats are used as they are.
   */
  readonly inputs: Uint8Array | Float32Array;
  /** Class numbers below `classes`, (N); or for regression real targets, (N). */
  readonly targets: Int32Array | Float32Array;
  /** Number of classes; 0 for regression. */
  readonly classes: number;
  /** Mean and standard deviation of the training split's inputs, in units of byte / 255. */
  readonly normalization: Normalization;
  /** Height and width of an example that is an image. */
  readonly imageShape?: readonly [height: number, width: number];
}

export interface Normalization {
  readonly mean: number;
  readonly std: number;
}
