/** How long the hook postStart is tried while the guest agent does not answer. */
export const HOOK_TIMEOUT_MS = 10 * 60_000;
