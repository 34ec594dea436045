/** What a layer does once in a step however often it is called. */
import { currentTrace } from '../../runtime/index.ts';

/**
 * Runs `act` unless it was run for `key` in this step: a layer that is used twice, or computed again, changes its buffers once.
 * Outside compiled steps every call is a step.
 */
export function oncePerStep(key: object, act: () => void): void {
  const { eager, notes } = currentTrace();
  if (!eager && notes.has(key)) return;
  if (!eager) notes.set(key, true);
  act();
}
