/** What the version of PVE on the guest's node does not know is not planned, and reported where the spec asks for it. Pure. */
import { fitParams, isAliveIn, OPTION_LIFETIMES, printLifetime } from '../../../src/pve/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Shape } from '../model/desired.ts';

type Release = string | undefined;

/** Without this the plan would ask for what is never there. The client would leave it out, or refuse to send it. */
export const knownKeys = <K extends Keys>(keys: K, release: Release): K => ({
  ...keys,
  set: fitParams(keys.set, OPTION_LIFETIMES, release).params,
});

/** A version that is not known counts as the newest. */
export const hasOption = (key: string, release: Release): boolean =>
  release === undefined || isAliveIn(OPTION_LIFETIMES[key] ?? {}, release);

/** For the condition FieldsIgnored. */
export const unsupportedSentences = (
  { tpm }: Pick<Shape, 'tpm'>,
  { node, config }: Pick<Guest, 'node' | 'config'>,
  release: Release,
): readonly string[] =>
  tpm === undefined || config['tpmstate0'] !== undefined || hasOption('tpmstate0', release)
    ? []
    : [
        `The class asks for a TPM, which needs ${printLifetime(OPTION_LIFETIMES['tpmstate0'] ?? {})}, but node ${node} runs ${release}: the VM has none.`,
      ];
