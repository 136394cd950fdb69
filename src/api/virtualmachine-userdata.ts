/** Data delivered to a guest at its first boot: user data, meta-data, network data. */
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import { secretRef } from './refs.ts';
import { rule, text, word } from './schema.ts';

const LARGEST = 262_144;

/** A text in the spec or in a Secret. */
const textOf = (what: string, key: string) =>
  rule(
    z.object({
      inline: text(LARGEST).optional().describe(`${what}.`),
      secretRef: secretRef.optional().describe(`Secret that contains it. The key defaults to ${key}.`),
    }),
    {
      cel: 'has(self.inline) != has(self.secretRef)',
      message: 'must have exactly one of inline and secretRef',
      holds: (data) => (data.inline === undefined) !== (data.secretRef === undefined),
    },
  );

const snippet = word(
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:snippets\/[a-zA-Z0-9_.+@=~-]+$/,
  255,
  'must be the volume of a snippet, for example local:snippets/web.yaml',
);

const oneSource = rule(
  z.object({
    inline: text(LARGEST).optional().describe('User data, usually starting with #cloud-config.'),
    secretRef: secretRef
      .optional()
      .describe(`Secret that contains the user data. The key defaults to ${DEFAULTS.userDataKey}.`),
    format: z
      .enum(['Raw', 'Base64'])
      .optional()
      .describe(
        'Format of the user data where it cannot be recognized. Absent: it is recognized by how it begins. Raw: delivered unchanged, whatever it is. Base64: decoded, and the result is delivered unchanged.',
      ),
    snippet: snippet
      .optional()
      .describe('Snippet in Proxmox VE that contains the user data. It must exist on the node of the VM.'),
  }),
  {
    cel: '[has(self.inline), has(self.secretRef), has(self.snippet)].filter(present, present).size() == 1',
    message: 'must have exactly one of inline, secretRef and snippet',
    holds: (data) =>
      [data.inline, data.secretRef, data.snippet].filter((each) => each !== undefined).length === 1,
  },
);

const cloudInit = rule(oneSource, {
  cel: '!has(self.format) || !has(self.snippet)',
  message: 'must not have both format and snippet: a snippet is delivered as it is',
  holds: ({ format, snippet: volume }) => format === undefined || volume === undefined,
});

export const userData = rule(
  z.object({
    cloudInit: cloudInit.optional().describe('User data for cloud-init.'),
    ignition: textOf('Ignition configuration, as JSON', DEFAULTS.ignitionKey)
      .optional()
      .describe('Configuration for Ignition (Fedora CoreOS, Flatcar), delivered unmodified.'),
    onChange: z
      .enum(['Report', 'Ignore', 'NextBoot'])
      .optional()
      .describe(
        'What happens when user data, SSH keys, meta-data or network data change after the VM was created. Report (also when absent): the change is reported in the condition Synced. Ignore: nothing. NextBoot: the data is delivered at the next boot, and cloud-init treats the guest as a new instance.',
      ),
  }),
  {
    cel: '!has(self.cloudInit) || !has(self.ignition)',
    message: 'must not have both cloudInit and ignition',
    holds: (data) => data.cloudInit === undefined || data.ignition === undefined,
  },
);

export const metaData = z.object({
  cloudInit: textOf('Meta-data for cloud-init, as YAML', DEFAULTS.metaDataKey)
    .optional()
    .describe('Additional meta-data. instance-id and local-hostname are added if they are missing.'),
});

export const networkData = textOf(
  'Network configuration for cloud-init, version 1 or 2, as YAML',
  DEFAULTS.networkDataKey,
);

type DeliveredDigests = Readonly<
  Partial<Record<'sshKeysSecretRef' | 'metaData' | 'networkData', unknown>>
> & {
  readonly userData?: z.output<typeof userData> | undefined;
  readonly networks?: readonly { readonly staticIP?: unknown; readonly ipv6?: unknown }[] | undefined;
};

/** Refuses fields of which one would make the other ineffective. */
export function withDataRules<S extends z.ZodType<DeliveredDigests>>(spec: S): S {
  const addresses = rule(spec, {
    cel: '!has(self.networkData) || !has(self.networks) || self.networks.all(n, !has(n.staticIP) && !has(n.ipv6))',
    message: 'must not have both networkData and staticIP or ipv6: networkData replaces them',
    holds: ({ networkData: own, networks = [] }) =>
      own === undefined ||
      networks.every(({ staticIP, ipv6 }) => staticIP === undefined && ipv6 === undefined),
  });
  const keys = rule(addresses, {
    cel: '!has(self.sshKeysSecretRef) || !has(self.userData) || !has(self.userData.ignition)',
    message:
      'must not have both sshKeysSecretRef and userData.ignition: add the keys to the Ignition configuration',
    holds: ({ sshKeysSecretRef, userData: data }) =>
      sshKeysSecretRef === undefined || data?.ignition === undefined,
  });
  return rule(keys, {
    cel:
      '!has(self.userData) || !has(self.userData.cloudInit) || !has(self.userData.cloudInit.snippet)' +
      ' || !has(self.sshKeysSecretRef) && !has(self.metaData) && !has(self.networkData)',
    message:
      'must not have sshKeysSecretRef, metaData or networkData together with a snippet: Proxmox VE would ignore them',
    holds: (value) =>
      value.userData?.cloudInit?.snippet === undefined ||
      [value.sshKeysSecretRef, value.metaData, value.networkData].every((each) => each === undefined),
  });
}

interface Resolver {
  readonly networkData?: unknown;
  readonly dns?: unknown;
  readonly searchDomain?: unknown;
}

/** The same for name servers. */
export const withResolverRule = <S extends z.ZodType<Resolver>>(spec: S): S =>
  rule(spec, {
    cel: '!has(self.networkData) || !has(self.dns) && !has(self.searchDomain)',
    message: 'must not have dns or searchDomain with networkData, which replaces them',
    holds: ({ networkData: own, dns, searchDomain }) =>
      own === undefined || (dns === undefined && searchDomain === undefined),
  });
