/**
 * As much of CEL as our CRDs use, evaluated as JavaScript in a realm of its own. The integration tests ask a real API
 * server the same questions.
 */
import { BlockList } from 'node:net';
import { createContext, Script } from 'node:vm';
import { ipFamily, parseCidr } from '../../src/lib/ip.ts';

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Go's durations. */
function duration(text: string): number {
  if (!/^[+-]?(\d*\.?\d+(ns|us|ms|s|m|h))+$/.test(text)) throw new Error(`${text} is no duration`);
  return [...text.matchAll(/([\d.]+)(ns|us|ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (NANOSECONDS[unit] ?? 0),
    0,
  );
}

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d+))?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

function amount(text: string): number {
  const [, digits = '', suffix = '', exponent = '0'] = QUANTITY.exec(text) ?? [];
  const scale = suffix.endsWith('i') ? 1024 ** BINARY.indexOf(suffix) : 1000 ** (DECIMAL.indexOf(suffix) - 3);
  return Number(digits) * scale * 10 ** Number(exponent);
}

function contains(subnet: string, address: string): boolean {
  const [base = '', prefix] = subnet.split('/');
  const list = new BlockList();
  const family = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4');
  list.addSubnet(base, Number(prefix), family(base));
  return family(base) === family(address) && list.check(address, family(address));
}

const FUNCTIONS = {
  duration,
  size: (value: { readonly length: number }) => value.length,
  isQuantity: (value: string) => QUANTITY.test(value),
  quantity: (value: string) => ({
    amount: amount(value),
    compareTo: ({ amount: other }: { readonly amount: number }) => amount(value) - other,
  }),
  isIP: (value: string) => ipFamily(value) !== undefined,
  ip: (value: string) => ({
    text: value,
    family: () => ipFamily(value),
    isLinkLocalUnicast: () => /^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(value),
  }),
  isCIDR: (value: string) => parseCidr(value) !== undefined,
  cidr: (value: string) => ({
    ip: () => ({ family: () => parseCidr(value)?.family }),
    prefixLength: () => parseCidr(value)?.prefix,
    containsIP: ({ text }: { readonly text: string }) => contains(value, text),
  }),
  isInt: (value: unknown) => Number.isInteger(value),
  string: String,
};

const context = createContext({ ...FUNCTIONS });
new Script(`
  const patterns = new Map();
  Object.assign(String.prototype, {
    matches(pattern) {
      const known = patterns.get(pattern) ?? new RegExp(pattern, 'u');
      patterns.set(pattern, known);
      return known.test(this);
    },
    contains(part) { return this.includes(part); },
  });
  Array.prototype.size = function () { return this.length; };
`).runInContext(context);

const asJavaScript = (cel: string): string =>
  cel
    .replaceAll(/\br('[^']*')/g, (_all, text: string) => `String.raw\`${text.slice(1, -1)}\``)
    .replaceAll(/\bhas\(([\w.]+)\)/g, '($1 !== undefined)')
    .replaceAll('type(self) == int', 'isInt(self)')
    .replaceAll(/(!?\(?)\b(self(?:\.\w+)*) in (\[[^\]]*\])/g, '$1$3.includes($2)')
    .replaceAll(/\.filter\((\w+), /g, '.filter(($1) => ')
    .replaceAll(/\.all\((\w+), /g, '.every(($1) => ');

type Rule = (self: unknown) => unknown;

/** Entering the realm takes longer than most rules, so it is done once for each. */
const rules = new Map<string, Rule>();

function ruleOf(cel: string): Rule {
  const known = rules.get(cel);
  if (known) return known;
  const rule = new Script(`(self) => (${asJavaScript(cel)})`).runInContext(context) as Rule;
  rules.set(cel, rule);
  return rule;
}

/** Whether the rule holds. An error counts as no, as it does for the API server. */
export function holds(cel: string, self: unknown): boolean {
  const rule = ruleOf(cel);
  try {
    return rule(self) === true;
  } catch (error) {
    // A rule that this file cannot read is an error of the test.
    if (error instanceof Error && error.name === 'ReferenceError') throw error;
    return false;
  }
}
