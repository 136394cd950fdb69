/** Writes everything that an installation consists of into one file, as `kubectl kustomize` and the CRDs give it. */
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { generated, toYaml, type Files } from './crds.ts';

const BASE = 'deploy/kustomize/base';

const Kustomization = z.object({
  resources: z.array(z.string()),
  images: z.array(z.object({ name: z.string(), newTag: z.string() })),
});

/**
 * @param read the content of a file, whether it was generated just now or is on the disk
 * @throws if a file of the base is missing
 */
export function installFiles(crds: Files, read: (path: string) => string | undefined): Files {
  const needed = (path: string): string => {
    const text = read(path);
    if (text === undefined) throw new Error(`${path} does not exist.`);
    return text;
  };
  const { resources, images } = Kustomization.parse(parse(needed(join(BASE, 'kustomization.yaml'))));
  const base = resources.flatMap((file) =>
    parseAllDocuments(needed(join(BASE, file))).map((document) => document.toJS() as unknown),
  );
  const ours = [...crds.values()].map((text) => parse(text) as unknown);
  const text = [...ours, ...base].map(toYaml).join('---\n');
  const tagged = images.reduce(
    (all, { name, newTag }) =>
      all.replaceAll(new RegExp(`^( *image: )${name}$`, 'gm'), `$1${name}:${newTag}`),
    text,
  );
  return new Map([['deploy/install.yaml', generated('npm run generate') + tagged]]);
}
