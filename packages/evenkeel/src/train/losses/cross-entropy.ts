/** Cross-entropy of logits against class numbers. */
import { crossEntropy as of } from '../../tensor/index.ts';
import type { Loss } from './loss.ts';

/** Logits [N, C] against class numbers i32 [N] (or probabilities f32 [N, C]); the model must not end in softmax. */
export const crossEntropy: Loss = (output, target) => of(output, target);
