/** Why a download ends without a result. Its message is for users: it has no header, no query of a URL and no content in it. */

/** `DownloadFailed` may work later; `DownloadRefused` needs another spec or another file. */
export type ProblemReason = 'DownloadFailed' | 'DownloadRefused' | 'ChecksumMismatch';

export class DownloadProblem extends Error {
  override readonly name = 'DownloadProblem';
  readonly reason: ProblemReason;
  constructor(reason: ProblemReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export const failed = (message: string, cause?: unknown): DownloadProblem =>
  new DownloadProblem('DownloadFailed', message, cause);

export const refused = (message: string, cause?: unknown): DownloadProblem =>
  new DownloadProblem('DownloadRefused', message, cause);
