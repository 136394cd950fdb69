/** On is enforced; Off stops at once; OffGraceful lets the guest shut down first. */
import type { Rule } from './verdicts.ts';
import { act } from './verdicts.ts';

export const power: Rule = (want, { presence }) => {
  if (!want.exists || presence.kind !== 'seen') return undefined;
  const { running } = presence.guest;
  if (want.power === 'On') return running ? undefined : act({ do: 'start' });
  if (!running) return undefined;
  return want.power === 'Off'
    ? act({ do: 'stop' })
    : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
};
