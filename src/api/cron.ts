/** When something is done again and again. */
import { word } from './schema.ts';

/** A list of `*`, numbers and ranges, each with an optional step; L is the last day, # the n-th weekday. */
const part = (value: string): string => {
  const one = `(\\*|${value}(-${value})?)(/[0-9]{1,2})?`;
  return `${one}(,${one})*`;
};
const monthDay = '(0?[1-9]|[12][0-9]|3[01])';
const months = 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC';
const weekdays = 'SUN|MON|TUE|WED|THU|FRI|SAT';
export const cron = new RegExp(
  `^${part('[0-5]?[0-9]')} ${part('([01]?[0-9]|2[0-3])')} (L|${part(monthDay)}) ` +
    `${part(`(0?[1-9]|1[0-2]|${months})`)} ${part(`([0-7]|${weekdays})(#[1-5])?`)}$`,
);

/** Shorthands for common schedules. */
const NICKNAMES = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];

export const cronOrNickname = new RegExp(`${cron.source}|^(${NICKNAMES.join('|')})$`);

export const timeZone = word(
  /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/,
  64,
  'must be the name of an IANA time zone, for example Europe/Berlin',
);
