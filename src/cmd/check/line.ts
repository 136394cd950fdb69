/** A connection to Proxmox VE for as long as one question takes. */
import { connectionOf, type Settings } from '../../../controllers/index.ts';
import { createTransport, pve, type Pve } from '../../pve/index.ts';
import { millis } from '../../lib/units.ts';

/**
 * Ends the work by the signal even where it waits for a login, which does not listen to it.
 * @throws Error when the credentials cannot be right; what the work throws; the signal's reason
 */
export async function withClient<T>(
  settings: Settings,
  signal: AbortSignal,
  work: (client: Pve) => Promise<T>,
): Promise<T> {
  const transport = createTransport(connectionOf(settings));
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('cancelled'));
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([work(pve(transport.send)), ended]);
  } finally {
    signal.removeEventListener('abort', end);
    void transport.close(millis(0));
  }
}
