/** The samples as the demo applies them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const SAMPLES = resolve(import.meta.dirname, '../../deploy/samples');

/** The second version of an object that another file holds: for the commands to try, not for the start. */
const APPLIED_LATER = /^(02|14|17)-/;

export interface Sample {
  readonly file: string;
  readonly text: string;
}

const isSample = (file: string): boolean => file.endsWith('.yaml');

/** Samples that are left out: each is the second version of an object of another one. */
export const samplesForLater = async (): Promise<readonly string[]> =>
  (await readdir(SAMPLES)).filter((file) => isSample(file) && APPLIED_LATER.test(file)).toSorted();

/** @param endpoint where the fake listens: written into the samples where it is not the one they name */
export async function samples(endpoint: string): Promise<readonly Sample[]> {
  const files = (await readdir(SAMPLES))
    .filter((file) => isSample(file) && !APPLIED_LATER.test(file))
    .toSorted();
  return Promise.all(
    files.map(async (file) => ({
      file,
      text: (await readFile(join(SAMPLES, file), 'utf8')).replaceAll('https://127.0.0.1:8006', endpoint),
    })),
  );
}
