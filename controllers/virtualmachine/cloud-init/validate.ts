/** Data that cannot be delivered, found before anything is made: in itself, and with the templates. Pure. */
import type { Reason } from '../../../src/api/index.ts';
import {
  imageContent,
  requiredMode,
  type CloudInitInput,
  type ImageLayout,
} from '../../../src/cloudinit/index.ts';
import type { DesiredCloudInit, DesiredNic } from '../model/desired.ts';
import { layoutOf, type GuestSystem } from './layout.ts';
import { cloudInitNics } from './nics.ts';

interface Wanted {
  readonly owner: { readonly uid: string };
  readonly name: string;
  readonly cloudInit: DesiredCloudInit;
  readonly nics?: readonly DesiredNic[] | undefined;
}

interface Problem {
  readonly reason: Reason;
  readonly message: string;
}

/** Why no template of these can take the data. What the drive of Proxmox VE can express, each can. */
export function dataProblem(
  want: Omit<Wanted, 'cloudInit'> & { readonly cloudInit: DesiredCloudInit | undefined },
  templates: readonly GuestSystem[],
): Problem | undefined {
  const { cloudInit } = want;
  if (!cloudInit || cloudInit.snippet !== undefined) return undefined;
  const known = { ...want, cloudInit };
  const mode = requiredMode(inputOf(known));
  return 'value' in mode && mode.value === 'Native'
    ? undefined
    : problemInAll(known, templates.map(layoutOf));
}

/** The first problem, if there is one in each layout. */
function problemInAll(want: Wanted, layouts: readonly (ImageLayout | Problem)[]): Problem | undefined {
  const input = inputOf(want);
  const problems = layouts.map((layout) => (typeof layout === 'object' ? layout : problemIn(layout, input)));
  return problems.every((problem) => problem !== undefined) ? problems[0] : undefined;
}

function problemIn(layout: ImageLayout, input: CloudInitInput): Problem | undefined {
  const content = imageContent(layout, input);
  return 'value' in content
    ? undefined
    : {
        reason: input.ignition === undefined ? 'CloudInitInvalid' : 'IgnitionInvalid',
        message: content.problem,
      };
}

/** The data of a VM that does not exist yet. Which device a NIC becomes does not matter before. */
export const inputOf = ({ owner: { uid }, name, cloudInit, nics = [] }: Wanted): CloudInitInput => ({
  instanceId: uid,
  hostname: name.split('.')[0] ?? name,
  fqdn: name,
  ...cloudInit,
  nics: cloudInitNics(nics, {
    uid,
    devices: new Map(nics.map((nic, index) => [nic.name, `net${index}`])),
    config: {},
  }),
});
