/** What every model of the command is built from. */
export interface ModelOptions {
  /** With batch normalization or without. */
  readonly norm: 'batch' | 'none';
  readonly seed: number;
}
