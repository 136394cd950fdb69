/**
 * Writes the Kustomize component that tells `kustomize build` which fields of our kinds name other objects, so that
 * `namePrefix`, `nameSuffix`, `namespace` and hashed names of generated Secrets reach them.
 */
import { z } from 'zod';
import { GROUP, VERSION } from '../../src/api/group.ts';
import { KINDS } from '../../src/api/index.ts';
import { generated, toYaml, type Files } from './crds.ts';

const FOLDER = 'deploy/kustomize/components/references';

interface Target {
  readonly kind: string;
  readonly group?: string;
  readonly version: string;
}

const ours = (kind: string): Target => ({ kind, group: GROUP, version: VERSION });
const core = (kind: string): Target => ({ kind, version: 'v1' });

/** What a field refers to, by the end of its name. */
const TARGETS: readonly (readonly [name: RegExp, target: Target])[] = [
  [/^providerRef$/, ours('Provider')],
  [/^classRef$/, ours('VMClass')],
  [/^imageRef$/, ours('VMImage')],
  [/^placementRef$/, ours('VMPlacementPolicy')],
  [/^(vmRef|sourceVMRef)$/, ours('VirtualMachine')],
  [/^(snapshotRef|sourceSnapshotRef)$/, ours('VMSnapshot')],
  [/^(s|\w+S)ecret(Key)?Ref$/, core('Secret')],
  [/^configMapKeyRef$/, core('ConfigMap')],
];

function targetOf(field: string, path: string): Target {
  const found = TARGETS.find(([name]) => name.test(field));
  if (!found) throw new Error(`${path}: nothing says which kind the field refers to. Add it to TARGETS.`);
  return found[1];
}

export interface ReferenceField {
  /** Kind of the object that refers. */
  readonly kind: string;
  /** As Kustomize writes it: `spec/providerRef`. Lists are passed through. */
  readonly path: string;
  readonly target: Target;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Of a reference that has a namespace both are replaced, so the path ends at the reference itself. */
const pathTo = (path: string, { properties = {} }: Schema): string =>
  'namespace' in properties ? path : `${path}/name`;

function fieldsIn(kind: string, schema: Schema, path: string): ReferenceField[] {
  const nested = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const at = `${path}/${name}`;
    return name.endsWith('Ref')
      ? [{ kind, path: pathTo(at, property), target: targetOf(name, `${kind} ${at}`) }]
      : fieldsIn(kind, property, at);
  });
  return schema.items ? [...nested, ...fieldsIn(kind, schema.items, path)] : nested;
}

/** Every field of a spec that names another object. */
export const REFERENCE_FIELDS: readonly ReferenceField[] = KINDS.flatMap(({ kind, spec }) =>
  fieldsIn(kind, z.toJSONSchema(spec, { io: 'input', unrepresentable: 'any' }) as Schema, 'spec'),
);

const nameReference = () =>
  TARGETS.map(([, target]) => ({
    ...target,
    fieldSpecs: REFERENCE_FIELDS.filter((field) => field.target === target).map(({ kind, path }) => ({
      kind,
      group: GROUP,
      path,
    })),
  }));

const HEADER = generated('npm run generate');

export const kustomizeFiles = (): Files =>
  new Map([
    [
      `${FOLDER}/kustomization.yaml`,
      HEADER +
        toYaml({
          apiVersion: 'kustomize.config.k8s.io/v1alpha1',
          kind: 'Component',
          configurations: ['references.yaml'],
        }),
    ],
    [`${FOLDER}/references.yaml`, HEADER + toYaml({ nameReference: nameReference() })],
  ]);
