/** The lines of the fault that `wrong` throws or rejects with. */
import { Fault } from '../../src/base/index.ts';

export function faultText(wrong: () => unknown): string[] {
  try {
    wrong();
  } catch (error) {
    return linesOf(error);
  }
  throw new Error('nothing was refused');
}

/** The same for a promise. */
export async function faultTextOf(wrong: Promise<unknown>): Promise<string[]> {
  try {
    await wrong;
  } catch (error) {
    return linesOf(error);
  }
  throw new Error('nothing was refused');
}

function linesOf(error: unknown): string[] {
  if (error instanceof Fault) return error.message.split('\n').map((line) => line.trim());
  throw error;
}
