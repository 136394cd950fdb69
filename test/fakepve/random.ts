import { createHash } from 'node:crypto';

/** Pseudo-random values derived from the seed, so that a run can be repeated. */
export class Random {
  private readonly seed: string;
  private count = 0;

  constructor(seed: string | number) {
    this.seed = String(seed);
  }

  /** `length` hexadecimal digits, at most 40. */
  hex(length: number): string {
    this.count += 1;
    return createHash('sha1').update(`${this.seed}/${this.count}`).digest('hex').slice(0, length);
  }

  integer(min: number, max: number): number {
    return min + (parseInt(this.hex(12), 16) % (max - min + 1));
  }

  uuid(): string {
    const digits = this.hex(32);
    const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`];
    return [...parts, `a${digits.slice(17, 20)}`, digits.slice(20, 32)].join('-');
  }

  mac(prefix: string): string {
    const rest = this.hex(6).toUpperCase();
    return `${prefix}:${rest.slice(0, 2)}:${rest.slice(2, 4)}:${rest.slice(4, 6)}`;
  }
}
