/** Lines for people: columns, and texts of others without control characters. Pure. */
import { styleText } from 'node:util';
import { readable } from '../../lib/readable.ts';

const GAP = 3;
const LONGEST = 4096;

/** One line, in which nothing can move the cursor of the terminal. */
export const line = (text: string): string => readable(text, LONGEST);

/** Columns as kubectl aligns them. */
export function columns(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(line));
  const widths = (clean[0] ?? []).map((_, column) =>
    Math.max(...clean.map((row) => (row[column] ?? '').length)),
  );
  const padded = (cell: string, column: number, { length }: readonly string[]): string =>
    column === length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + GAP);
  return clean.map((row) => `${row.map((cell, column) => padded(cell, column, row)).join('')}\n`).join('');
}

export type Style = 'bold' | 'red' | 'green' | 'yellow' | 'dim';

/** @param colour whether there is any */
export const paint =
  (colour: boolean) =>
  (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;

/**
 * Breaks a text between words.
 * @param hanging how much further all lines but the first are indented
 */
export function wrap(text: string, width: number, indent = '', hanging = ''): string {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + word.length + 1 > width - indent.length - hanging.length) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].map((each, at) => `${indent}${at === 0 ? '' : hanging}${each}\n`).join('');
}
