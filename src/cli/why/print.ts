/** An explanation as text. Pure. */
import { ageOf } from '../output/age.ts';
import { line, paint, wrap, type Style } from '../output/text.ts';
import type { EventLine } from './events.ts';
import type { Explanation, Finding, RelatedFinding } from './explain.ts';

export interface PrintOptions {
  readonly colour: boolean;
  readonly now: Date;
  readonly width: number;
}

type Paint = (style: Style, text: string) => string;

/** The answer first, then what it rests on. */
export function printExplanation(found: Explanation, options: PrintOptions): string {
  const style = paint(options.colour);
  const sections: readonly string[] = [
    summary(found, style, options),
    work(found, options),
    section('Conditions', style, conditions(found, style, options)),
    section('Refers to', style, found.related.map((each) => related(each, style, options)).join('')),
    section('Events', style, events(found.events, found.message, options)),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

const section = (title: string, style: Paint, text: string): string =>
  text === '' ? '' : `${style('bold', title)}\n${text}`;

const text = (words: string, { width }: PrintOptions, indent: string): string =>
  wrap(line(words), width, indent);

function summary(found: Explanation, style: Paint, options: PrintOptions): string {
  const { object, namespace, ready, phase, reason, message, next } = found;
  const state = ready ? style('green', 'Ready') : style('red', `not ready${reason ? `: ${reason}` : ''}`);
  return [
    `${style('bold', object)} in ${namespace} is ${state}${phase === undefined ? '' : ` (${phase})`}\n`,
    text(message, options, '  '),
    next === undefined ? '' : `  ${style('bold', 'Next')}\n${text(next, options, '    ')}`,
  ].join('');
}

function work({ failure, task }: Explanation, options: PrintOptions): string {
  const ago = (time: string): string => `${ageOf(time, options.now)} ago`;
  const of = (what: string, target: string | undefined): string => (target ? `${what} of ${target}` : what);
  return [
    task
      ? text(
          `Task ${of(task.type, task.target)}, started ${ago(task.startedAt)}${task.progress ? `: ${task.progress}` : ''} (${task.upid})`,
          options,
          '  ',
        )
      : '',
    failure
      ? text(
          `${of(failure.step, failure.target)} failed, attempt ${failure.attempts}, last ${ago(failure.at)}. Proxmox VE says: ${failure.message}`,
          options,
          '  ',
        )
      : '',
  ].join('');
}

/** The same text is printed once: Stalled and Reconciling often repeat that of Ready, which stands above. */
function conditions({ conditions: all, message }: Explanation, style: Paint, options: PrintOptions): string {
  const printed = new Set([message]);
  return all
    .map((each) => {
      const isNew = each.message !== '' && !printed.has(each.message);
      printed.add(each.message);
      return `  ${head(each, style, options)}\n${isNew ? text(each.message, options, '    ') : ''}`;
    })
    .join('');
}

const head = (
  { condition, status, reason, since, bad }: Finding,
  style: Paint,
  { now }: PrintOptions,
): string => `${style(bad ? 'yellow' : 'green', `${condition}=${status}`)} ${reason} (${ageOf(since, now)})`;

const STATES = {
  Ready: 'is ready',
  NotReady: 'is not ready',
  NotFound: 'does not exist',
  Forbidden: 'may not be read by you',
} as const;

function related(each: RelatedFinding, style: Paint, options: PrintOptions): string {
  const { object, namespace, field, state, reason, message, next } = each;
  const colour = state === 'Ready' ? 'green' : state === 'Forbidden' ? 'yellow' : 'red';
  return [
    `  ${object} in ${namespace} (${field}) ${style(colour, STATES[state])}${reason ? `: ${reason}` : ''}\n`,
    message === undefined ? '' : text(message, options, '    '),
    next === undefined ? '' : text(`Next: ${next}`, options, '    '),
    events(each.events, each.message ?? '', options, '    '),
  ].join('');
}

/** @param above what is printed already: an event of a condition has the same text */
const events = (
  all: readonly EventLine[],
  above: string,
  { now, width }: PrintOptions,
  indent = '  ',
): string =>
  all
    .map(({ at, type, reason, message, count }) => {
      const what = `${type === 'Normal' ? '' : `${type} `}${reason}${count > 1 ? ` (x${count})` : ''}`;
      const said = message === above ? '' : `: ${message}`;
      return wrap(line(`${ageOf(at, now)} ${what}${said}`), width, indent, '    ');
    })
    .join('');
