/** What a ValidatingAdmissionPolicy of ours consists of. */

interface Expression {
  readonly name: string;
  readonly expression: string;
}

export interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface Policy {
  readonly name: string;
  readonly action: 'Deny' | 'Warn';
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly apiVersions: readonly string[];
    readonly operations: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly matchConditions?: readonly Expression[];
  readonly variables?: readonly Expression[];
  readonly validations: readonly Validation[];
}
