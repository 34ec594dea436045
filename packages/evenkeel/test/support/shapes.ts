import type { Shape } from '../../src/base/index.ts';

/** Ranks 0 to 5, with axes of extent 1 and empty tensors among them. */
export const SHAPES: readonly Shape[] = [
  [], [1], [4], [0], [2, 3], [1, 5], [3, 0], [2, 1, 3], [2, 0, 3], [2, 3, 1, 2], [1, 1, 1, 1], [2, 1, 3, 1, 2], [2, 2, 2, 2, 2],
];
