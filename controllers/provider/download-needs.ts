/** What the credentials need for the VMImages that are downloaded with a Provider. Pure. */
import type { Provider, VMImage } from '../../src/api/index.ts';
import type { Need } from '../../src/pve/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import { grantOf } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import { wayOf } from '../shared/images/way.ts';

const NEED: Need = {
  path: '/nodes/{node}',
  anyOf: ['Sys.AccessNetwork'],
  since: 8,
  feature: 'downloads',
};

/** Only for images that may use the Provider and name it, or have begun to use it. */
export function downloadNeeds(
  provider: Readable<Provider>,
  images: readonly Readable<VMImage>[],
  { namespaces }: { readonly namespaces: Namespaces },
): readonly Need[] {
  const { namespace, name } = provider.metadata;
  const isUsed = images.some(
    (image) =>
      isFetchedByNode(image) &&
      usesOf(image).includes(`${namespace}/${name}`) &&
      (grantOf(provider, image.metadata.namespace, namespaces)?.downloads.length ?? 0) > 0,
  );
  return isUsed ? [NEED] : [];
}

/** For the others the operator needs no privilege but that to upload a file. */
const isFetchedByNode = ({ spec: { download } }: Readable<VMImage>): boolean =>
  download !== undefined && wayOf(download).via === 'ProxmoxVE';

function usesOf({ metadata, spec, status }: Readable<VMImage>): readonly string[] {
  const named = spec.download?.providerRefs ?? [];
  return [
    ...named.map(({ name, namespace = metadata.namespace }) => `${namespace}/${name}`),
    ...(status?.downloads ?? []).map(({ provider }) => provider),
  ];
}
