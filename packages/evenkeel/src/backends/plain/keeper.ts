/** Partial states in memory. */
import type { Buffer } from '../../compiler/index.ts';
import type { Ix } from '../../scalar/index.ts';
import type { Fold } from './fold.ts';
import type { Scope } from './scope.ts';

/** Writes the words of all states of a chunk at an index below `kept`: [chunks, words, kept]. */
export function keeper(partial: Buffer, folds: readonly Fold[], at: Ix, kept: number, scope: Scope): (chunk: number) => void {
  const views = folds.flatMap((fold) => fold.types.map((type) => scope.view(partial, type)));
  const base = scope.index(at);
  return (chunk) => folds.flatMap((fold) => fold.state).forEach((word, w) => {
    views[w][(chunk * views.length + w) * kept + base()] = word;
  });
}
