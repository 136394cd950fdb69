/** Objects that the operator keeps in its own namespace. */

/** The Lease, and the ConfigMap with the cluster id. */
export const OPERATOR_NAME = 'virtrigaud-proxmox';
/** The Secret with the key of the digests in statuses. */
export const DIGEST_KEY_SECRET = `${OPERATOR_NAME}-digest`;
