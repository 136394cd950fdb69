/** What an absent field means: documented in the field's description, applied by the controllers, never written to a spec. */
import { seconds } from '../lib/units.ts';

export const DEFAULTS = {
  gracefulShutdownTimeout: seconds(60),
  deletionPolicy: 'Delete',
  readinessProbe: { period: seconds(10), timeout: seconds(10), failureThreshold: 3 },
  /** Entry of a Secret with user data. */
  userDataKey: 'userdata',
  /** Entry of a Secret with SSH public keys. */
  sshKeysKey: 'ssh-publickey',
  ignitionKey: 'ignition',
  metaDataKey: 'metadata',
  networkDataKey: 'networkdata',
} as const;
