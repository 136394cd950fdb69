import { createHmac } from 'node:crypto';

const LIFETIME_S = 2 * 60 * 60;
const SKEW_S = 5 * 60;

/** Login tickets and their CSRF prevention tokens: both are valid for two hours. */
export class Tickets {
  private readonly key: string;
  private readonly seconds: () => number;

  /** `seconds` returns the time of the node that clients log in to. */
  constructor(key: string, seconds: () => number) {
    this.key = key;
    this.seconds = seconds;
  }

  private sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64');
  }

  private stamp(): string {
    return this.seconds().toString(16).toUpperCase().padStart(8, '0');
  }

  private fresh(stamp: string): boolean {
    const age = this.seconds() - parseInt(stamp, 16);
    return age > -SKEW_S && age < LIFETIME_S;
  }

  ticket(userid: string): string {
    const text = `PVE:${userid}:${this.stamp()}`;
    return `${text}::${this.sign(text)}`;
  }

  /** The user of the ticket, if it is valid. */
  user(ticket: string): string | undefined {
    const match = /^(PVE:([^:\s]+):([0-9A-F]{8}))::(.+)$/.exec(ticket);
    if (!match) return undefined;
    const [, text = '', userid, stamp = '', signature] = match;
    return signature === this.sign(text) && this.fresh(stamp) ? userid : undefined;
  }

  csrf(userid: string): string {
    const stamp = this.stamp();
    return `${stamp}:${this.sign(`${stamp}:${userid}`)}`;
  }

  csrfIsGood(userid: string, token: string): boolean {
    const [stamp = '', signature] = token.split(':');
    return signature === this.sign(`${stamp}:${userid}`) && this.fresh(stamp);
  }
}
