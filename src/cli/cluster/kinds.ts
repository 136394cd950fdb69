/** The kinds that commands ask for. */
import { KINDS } from '../../api/index.ts';
import { GROUP } from '../../api/group.ts';
import { EVENTS, ownResource, type ApiResource } from '../../kube/resource.ts';

export const KIND_NAMES = [
  'VirtualMachine',
  'Provider',
  'VMSnapshot',
  'VMClone',
  'VMImage',
  'VMClass',
  'VMPlacementPolicy',
] as const;
export type KindName = (typeof KIND_NAMES)[number];

export interface CliKind {
  readonly kind: string;
  readonly resource: ApiResource;
  /** As kubectl prints it before a name: `virtualmachine.infra.virtrigaud.io`. */
  readonly printed: string;
}

/** One of ours. */
export function kindOf(name: KindName): CliKind {
  const known = KINDS.find(({ kind }) => kind === name);
  const plural = known?.plural ?? `${name.toLowerCase()}s`;
  return {
    kind: name,
    resource: ownResource({ plural }),
    printed: `${known?.singular ?? name.toLowerCase()}.${GROUP}`,
  };
}

export const EVENT_KIND: CliKind = { kind: 'Event', resource: EVENTS, printed: 'event' };
export const DEPLOYMENT_KIND: CliKind = {
  kind: 'Deployment',
  resource: { group: 'apps', version: 'v1', plural: 'deployments' },
  printed: 'deployment.apps',
};
