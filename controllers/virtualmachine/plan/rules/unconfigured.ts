/**
 * A guest that runs before its first configuration is left as it is: it has booted as its template, and most of the
 * configuration applies only to a guest that is off. It is configured as soon as it is stopped.
 */
import { RESTARTED_AT } from '../../../../src/api/index.ts';
import { refuse } from '../../../shared/plan/rule.ts';
import { restart } from './restart.ts';
import type { Rule } from './rule.ts';

export const unconfigured: Rule = (want, have) => {
  const { presence } = have;
  if (!want.exists || presence.kind !== 'seen' || !have.unconfigured || !presence.guest.running)
    return undefined;
  const { vmid, node } = presence.guest;
  const { message = '' } = have.change?.seedProblem ?? have.restart?.held ?? {};
  return (
    restart(want, have) ??
    refuse(
      'StartedUnconfigured',
      `VM ${vmid} was started before its first configuration, as onboot of its template does when node ${node} restarts, so it runs like its template and without its cloud-init data. ` +
        `The operator stops no running VM unasked. To have it restarted and configured, set the annotation ${RESTARTED_AT} to the current time, or run on node ${node}: qm shutdown ${vmid}. ${message}`.trim(),
      15_000,
    )
  );
};
