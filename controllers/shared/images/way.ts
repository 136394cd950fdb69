/** Who fetches the file of a download: the node itself where it can, otherwise the operator. Pure. */
import { formatOf, type VMImageSpec } from '../../../src/api/index.ts';
import { compressionIn } from '../../../src/download/index.ts';

export interface Way {
  readonly via: 'ProxmoxVE' | 'Operator';
  /** Why the node cannot do it. */
  readonly reason?: string;
}

type Download = Pick<
  NonNullable<VMImageSpec['download']>,
  'url' | 'format' | 'headersSecretRef' | 'caBundle'
>;

/** ISO images Proxmox VE decompresses itself. */
export function wayOf(download: Download): Way {
  if (formatOf(download) === 'iso') return { via: 'ProxmoxVE' };
  const { url, headersSecretRef, caBundle } = download;
  const compression = compressionIn(url);
  const reasons = [
    ...(compression === undefined ? [] : [`unpacks no disk images (.${compression})`]),
    ...(headersSecretRef ? ['sends no headers (headersSecretRef)'] : []),
    ...(caBundle === undefined ? [] : ['knows no other CA than its own (caBundle)']),
  ];
  return reasons.length === 0
    ? { via: 'ProxmoxVE' }
    : { via: 'Operator', reason: `Proxmox VE ${reasons.join(', and ')}.` };
}
