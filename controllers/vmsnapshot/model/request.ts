/** A request to Proxmox VE, as far as its fate is known. Types only: nothing in this file runs. */

/** A request that status announces and whose answer it does not know. */
export interface Request {
  /** Epoch ms. */
  readonly at: number;
  /**
   * `unsent`: this process announced it and has not sent it. `refused`: Proxmox VE answered that it did nothing.
   * `unknown`: it may have been sent, and may still arrive.
   */
  readonly state: 'unsent' | 'refused' | 'unknown';
}
