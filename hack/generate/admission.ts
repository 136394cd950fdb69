/**
 * Writes the ValidatingAdmissionPolicies: what a schema cannot see. One refuses annotations that would do nothing, one
 * deletions that would take all guests along, and others warn, where `kubectl apply` prints it, of what is accepted and
 * has no effect or no protection.
 */
import { ANNOTATION_PREFIX, ANNOTATIONS } from '../../src/api/annotations.ts';
import { GROUP, VERSION } from '../../src/api/group.ts';
import { KINDS, PVE_VARIABLES } from '../../src/api/index.ts';
import { generated, toYaml, type Files } from './crds.ts';
import type { Policy, Validation } from './admission-policy.ts';
import { deletionGuard, deletionGuardText } from './deletion-guard.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
const listOf = (texts: readonly string[]): string => `[${texts.map(quoted).join(', ')}]`;

const known = (kind: string): readonly string[] =>
  ANNOTATIONS.filter(({ on }) => on.includes(kind)).map(({ name }) => name);

/** Only what a request adds is checked: an object from before the policy must stay writable. */
const annotationVariables = [
  { name: 'annotations', expression: 'object.metadata.?annotations.orValue({})' },
  {
    name: 'before',
    expression: 'oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})',
  },
  {
    name: 'new',
    expression: `variables.annotations.filter(k, k.startsWith(${quoted(ANNOTATION_PREFIX)}) && !(k in variables.before && variables.before[k] == variables.annotations[k]))`,
  },
  {
    name: 'known',
    expression: `{${KINDS.map(({ kind }) => `${quoted(kind)}: ${listOf(known(kind))}`).join(', ')}}[object.kind]`,
  },
  { name: 'unknown', expression: 'variables.new.filter(k, !(k in variables.known))' },
];

const annotationValidations: readonly Validation[] = [
  {
    expression: 'variables.unknown.size() == 0',
    messageExpression:
      "'metadata.annotations: ' + variables.unknown.join(', ') + ' would do nothing on a ' + object.kind + '; ' + " +
      "(variables.known.size() == 0 ? 'none of ours does' : 'those that do something are ' + variables.known.join(', '))",
  },
  ...ANNOTATIONS.map(({ name, pattern, message }) => ({
    expression: `!(${quoted(name)} in variables.new) || variables.annotations[${quoted(name)}].matches(r'${pattern.source}')`,
    message: `metadata.annotations: ${name} ${message}`,
  })),
];

/** What is accepted although it does nothing or is dangerous, by kind. */
interface Warning {
  readonly kind: string;
  /** True where there is nothing to warn of. */
  readonly expression: string;
  readonly message: string;
}

const WARNINGS: readonly Warning[] = [
  {
    kind: 'Provider',
    expression:
      '!object.spec.?insecureSkipVerify.orValue(false) || object.spec.?tls.?fingerprints.orValue([]).size() > 0',
    message:
      'spec.insecureSkipVerify: certificates are not checked, so anyone on the network path to Proxmox VE can read the credentials; the simplest protection is spec.tls.fingerprints',
  },
  {
    kind: 'Provider',
    expression:
      "!object.spec.?endpoint.orValue('').startsWith('http:') && !object.spec.?endpoints.orValue([]).exists(e, e.startsWith('http:'))",
    message:
      'spec.endpoint: http is not encrypted, so anyone on the network path to Proxmox VE can read the credentials; use https',
  },
  {
    kind: 'Provider',
    expression:
      "!has(object.spec.runtime) || !has(object.spec.runtime.image) && !has(object.spec.runtime.service) && object.spec.runtime.?mode.orValue('') != 'Remote'",
    message:
      'spec.runtime: mode, image and service have no effect, because the operator itself connects to Proxmox VE',
  },
  {
    kind: 'Provider',
    expression: `!has(object.spec.runtime) || object.spec.runtime.?env.orValue([]).all(e, e.name in ${listOf(PVE_VARIABLES)})`,
    message: `spec.runtime.env: variables other than ${PVE_VARIABLES.join(', ')} have no effect`,
  },
];

const API = 'admissionregistration.k8s.io/v1';

const pluralOf = (kind: string): string => KINDS.find((each) => each.kind === kind)?.plural ?? '';

/** A policy with its binding, which says what becomes of what it finds. */
const documentsOf = ({
  name,
  action,
  rules,
  matchConditions,
  variables,
  validations,
}: Policy): readonly object[] => [
  {
    apiVersion: API,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: action === 'Deny' ? 'Fail' : 'Ignore',
      matchConstraints: { resourceRules: rules },
      ...(matchConditions && { matchConditions }),
      ...(variables && { variables }),
      validations,
    },
  },
  {
    apiVersion: API,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: [action] },
  },
];

const written = (resources: readonly string[]): Policy['rules'] => [
  { apiGroups: [GROUP], apiVersions: [VERSION], operations: ['CREATE', 'UPDATE'], resources },
];

const warningsOf = (kind: string): Policy => ({
  name: `${pluralOf(kind)}-warnings.${GROUP}`,
  action: 'Warn',
  rules: written([pluralOf(kind)]),
  validations: WARNINGS.filter((warning) => warning.kind === kind).map(({ expression, message }) => ({
    expression,
    message,
  })),
});

const policies = (): readonly Policy[] => [
  {
    name: `annotations.${GROUP}`,
    action: 'Deny',
    rules: written(KINDS.map(({ plural }) => plural)),
    variables: annotationVariables,
    validations: annotationValidations,
  },
  deletionGuard,
  ...[...new Set(WARNINGS.map(({ kind }) => kind))].map(warningsOf),
];

const annotationRows = (): readonly string[] =>
  ANNOTATIONS.map(
    ({ name, on, meaning, message }) => `| \`${name}\` | ${on.join(', ')} | ${meaning} | ${message} |`,
  );

const page = (): string =>
  [
    '# What the admission policies add to the schemas',
    '<!-- Written by npm run generate from src/api/annotations.ts and hack/generate/admission.ts. -->',
    'The CRDs refuse what a schema can see. The ValidatingAdmissionPolicies in `deploy/kustomize/base/admission.yaml` do the rest inside the API server; there is no webhook that could be down.',
    '## Annotations',
    'A misspelt annotation would be accepted and do nothing, so every annotation that begins with `virtrigaud.io/` and is not in this table, or has another form, is refused. Objects that have such a one from before stay writable.',
    ['| Annotation | On | Meaning | Value |', '|---|---|---|---|', ...annotationRows()].join('\n'),
    '## Deletions',
    deletionGuardText,
    '## Warnings',
    '`kubectl apply` prints these and applies the object all the same.',
    WARNINGS.map(({ kind, message }) => `- ${kind}: ${message}.`).join('\n'),
    '',
  ]
    .join('\n\n')
    .trimEnd() + '\n';

export const admissionFiles = (): Files =>
  new Map([
    ['docs/admission.md', page()],
    // The chart writes the namespace of the release in place of ours.
    ...['deploy/kustomize/base/admission.yaml', 'deploy/chart/files/admission.yaml'].map(
      (path) =>
        [
          path,
          generated('npm run generate') + policies().flatMap(documentsOf).map(toYaml).join('---\n'),
        ] as const,
    ),
  ]);
