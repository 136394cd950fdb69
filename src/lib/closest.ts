/** Answers a name that does not exist with those that do, the most similar first. Pure. */

/** More of them help nobody. */
const MAX_NAMED = 5;
/** How many names are compared with the one that is meant. Their number is up to users, and each pass compares. */
const MAX_COMPARED = 200;
/** Of each name; more of it says nothing about a slip. */
const MAX_LENGTH = 64;

/** How many letters must be added, removed or replaced (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
  }
  return row[b.length] ?? 0;
}

/** How many letters both begin with. */
function prefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** A few long names would leave no room in a message for what to do. */
const shortened = (name: string): string =>
  name.length <= MAX_LENGTH ? name : `${name.slice(0, MAX_LENGTH)}…`;

const comparable = (name: string): string => name.slice(0, MAX_LENGTH).toLowerCase();

/** Those of very many that begin alike; the comparison letter by letter would take too long. */
function beginningAlike(wanted: string, names: readonly string[]): readonly string[] {
  if (names.length <= MAX_COMPARED) return names;
  const alike: string[][] = [];
  for (const name of names) (alike[prefix(wanted, comparable(name))] ??= []).push(name);
  return alike.reverse().flat().slice(0, MAX_COMPARED);
}

function closestFirst(meant: string, names: readonly string[]): string[] {
  const wanted = comparable(meant);
  return beginningAlike(wanted, names)
    .map((name) => ({ name, away: distance(wanted, comparable(name)) }))
    .toSorted((a, b) => a.away - b.away || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** `medium, small, and 3 more`; empty if there are none. */
export function closestOf(meant: string, names: Iterable<string>): string {
  const all = [...new Set(names)];
  const named = closestFirst(meant, all).slice(0, MAX_NAMED);
  const more = all.length - named.length;
  return `${named.map(shortened).join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
