/**
 * Nodes that have no template of a VMImage yet, though one can be made there. A VM is made where there is one. Only if
 * none of these nodes takes it, it waits for a template on one that does. Pure.
 */
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isReachedFrom, templateNodes } from '../../shared/placement/image-places.ts';
import type { MadeTemplates } from '../../shared/images/wanted.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { Template } from '../../shared/placement/clone-routes.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts } from '../model/surroundings.ts';

export interface MissingTemplates {
  /** Why a node does not take the VM now, as a clause. */
  readonly unfit: ReadonlyMap<NodeName, string>;
  /** As they will be. */
  readonly expected: readonly Template[];
  /** The node to choose if it is eligible: the one chosen before, or else one where a template is being made. */
  readonly preferred: NodeName | undefined;
  readonly image: Pick<MadeTemplates, 'name' | 'notReady'>;
}

/** @param templates that are there. `undefined`: none is missing, or the image is not downloaded */
export function missingTemplates(
  { image, storage, grant, templateNode }: PlainSpec,
  templates: readonly Template[],
  { view, nodeSelector, defaults }: Omit<ClusterFacts, 'view'> & { readonly view: View },
): MissingTemplates | undefined {
  const [pattern] = templates;
  if (!image || !('made' in image) || !pattern) return undefined;
  const demands = storage === undefined ? [] : [{ storage }];
  const choice = { spec: image.spec, view, grant, nodeSelector, defaultStorage: defaults.storage, demands };
  const targets = [...templateNodes(choice)].filter(
    ([node]) =>
      !image.failing.includes(node) && !templates.some((each) => isReachedFrom(node, placeOf(each), view)),
  );
  if (targets.length === 0) return undefined;
  const isMissing = (node: NodeName | undefined): boolean => targets.some(([each]) => each === node);
  return {
    unfit: new Map(targets.map(([node]) => [node, 'has no template of the VMImage yet'])),
    expected: targets.map(([node, target]) => movedTo(pattern, node, target)),
    preferred: [templateNode, ...image.making].find(isMissing),
    image,
  };
}

const placeOf = ({ node, disks }: Template): Parameters<typeof isReachedFrom>[1] => ({
  node,
  storages: disks.map(({ storage }) => storage),
});

const movedTo = (template: Template, node: NodeName, storage: string): Template => ({
  ...template,
  node,
  disks: template.disks.map((disk) => ({ ...disk, storage })),
  cdStorages: template.cdStorages.map(() => storage),
});

/** @param now why no node takes the VM at present */
export const awaitsTemplate = (
  node: NodeName,
  { name, notReady }: MissingTemplates['image'],
  now: string,
): Extract<Creation, { ok: false }> => ({
  ok: false,
  reason: 'ImageNotReady',
  message: [
    `This VM is to be made on node ${node}, which gets a template of ${name} first.`,
    ...(notReady === undefined ? [] : [notReady]),
    `At present: ${now}`,
  ].join(' '),
  awaits: node,
});
