/** The reasons of conditions and outcomes that the code gives, read from its syntax. */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

/** Functions that give a reason, and which of their arguments it is. */
const GIVERS: Readonly<Record<string, number>> = {
  wait: 0,
  refuse: 0,
  waiting: 0,
  stalled: 0,
  retry: 0,
  progressed: 0,
  idle: 0,
  suspended: 1,
  busy: 0,
  condition: 2,
  held: 0,
  required: 0,
  notDecided: 0,
  refusal: 0,
  notMade: 0,
  planProblem: 0,
  problem: 0,
};
/** Objects whose values are reasons. */
const LISTS = new Set(['Reasons', 'BECAUSE']);
const WORD = /^[A-Z][A-Za-z]+$/;

/** The words that an expression may be. */
function wordsOf(expression: ts.Expression): readonly string[] {
  if (ts.isStringLiteral(expression)) return WORD.test(expression.text) ? [expression.text] : [];
  if (ts.isConditionalExpression(expression))
    return [...wordsOf(expression.whenTrue), ...wordsOf(expression.whenFalse)];
  return ts.isBinaryExpression(expression) ? wordsOf(expression.right) : [];
}

function inCall(call: ts.CallExpression): readonly string[] {
  const at = GIVERS[call.expression.getText()];
  const argument = at === undefined ? undefined : call.arguments[at];
  return argument ? wordsOf(argument) : [];
}

/** Without `as const` and `satisfies`. */
const bare = (expression: ts.Expression): ts.Expression =>
  ts.isAsExpression(expression) || ts.isSatisfiesExpression(expression)
    ? bare(expression.expression)
    : expression;

function inVariable({ name, initializer, type }: ts.VariableDeclaration): readonly string[] {
  const object = initializer && bare(initializer);
  if (!object) return [];
  if (LISTS.has(name.getText()) && ts.isObjectLiteralExpression(object))
    return object.properties.flatMap((each) => {
      if (!ts.isPropertyAssignment(each)) return [];
      const values = wordsOf(each.initializer);
      return values.length > 0 ? values : [each.name.getText()];
    });
  return type?.getText() === 'StateEntry' ? firstWords(object) : [];
}

/** Of the entries of guests' states. */
function firstWords(node: ts.Node): readonly string[] {
  if (ts.isArrayLiteralExpression(node) && node.elements[0] && wordsOf(node.elements[0]).length > 0)
    return wordsOf(node.elements[0]);
  return node.getChildren().flatMap(firstWords);
}

function inNode(node: ts.Node): readonly string[] {
  if (ts.isCallExpression(node)) return inCall(node);
  if (ts.isVariableDeclaration(node)) return inVariable(node);
  if (ts.isNewExpression(node) && /StateEntry/.test(node.typeArguments?.[1]?.getText() ?? ''))
    return node.arguments?.flatMap(firstWords) ?? [];
  return ts.isPropertyAssignment(node) && node.name.getText() === 'reason' ? wordsOf(node.initializer) : [];
}

function inFile(path: string): readonly string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const all = (node: ts.Node): readonly string[] => [...inNode(node), ...node.getChildren().flatMap(all)];
  return all(source);
}

/** Sorted, each once. */
export function reasonsInCode(...folders: readonly string[]): readonly string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  return [...new Set(files.flatMap(inFile))].toSorted();
}
