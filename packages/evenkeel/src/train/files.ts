/** Results on disk. */
import { faults } from './faults.ts';

/** Writes beside the file, then renames. @throws E507 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const { rename, rm, writeFile } = await import('node:fs/promises');
  const temporary = `${path}.${process.pid}.part`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw faults.unwritable(path, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
  }
}

/** For before training, because nobody wants to learn it after. @throws E507 */
export async function checkWritable(path: string): Promise<void> {
  const [{ access, constants, stat }, { dirname, resolve }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw faults.unwritable(path, 'it is a folder');
  await access(dirname(resolve(path)), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw faults.unwritable(path, error.code ?? error.message);
  });
}
