/** The samples as the demo applies them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const SAMPLES = resolve(import.meta.dirname, '../../deploy/samples');

/** The second version of an object that another file holds: for the commands to try, not for the start. */
const APPLIED_LATER = /^(02|14|17)-/;
/** It has an image that is downloaded from the internet. */
const DOWNLOADS = /^23-/;
const IMAGES = 'https://cloud.debian.org/images/cloud/trixie/latest';

export interface Sample {
  readonly file: string;
  readonly text: string;
}

const isSample = (file: string): boolean => file.endsWith('.yaml');

/** Samples that are left out: each is the second version of an object of another one. */
export const samplesForLater = async (): Promise<readonly string[]> =>
  (await readdir(SAMPLES)).filter((file) => isSample(file) && APPLIED_LATER.test(file)).toSorted();

interface Servers {
  /** Of the API of Proxmox VE: written into the samples where it is not the one they name. */
  readonly endpoint: string;
  /** URL that images are downloaded from. Absent: the samples that download one are left out. */
  readonly images?: string;
}

export async function samples({ endpoint, images }: Servers): Promise<readonly Sample[]> {
  const files = (await readdir(SAMPLES))
    .filter((file) => isSample(file) && !APPLIED_LATER.test(file))
    .filter((file) => images !== undefined || !DOWNLOADS.test(file))
    .toSorted();
  const adapted = (text: string): string =>
    text.replaceAll('https://127.0.0.1:8006', endpoint).replaceAll(IMAGES, images ?? IMAGES);
  return Promise.all(
    files.map(async (file) => ({ file, text: adapted(await readFile(join(SAMPLES, file), 'utf8')) })),
  );
}
