/** Branded scalars, so that the compiler distinguishes VMIDs, bytes and milliseconds. The only file with casts. */

declare const unit: unique symbol;
type Branded<T, Unit extends string> = T & { readonly [unit]: Unit };

export type Vmid = Branded<number, 'Vmid'>;
export type NodeName = Branded<string, 'NodeName'>;
export type Upid = Branded<string, 'Upid'>;
export type Bytes = Branded<number, 'Bytes'>;
export type Millis = Branded<number, 'Millis'>;

export const vmid = (value: number): Vmid => value as Vmid;
export const nodeName = (value: string): NodeName => value as NodeName;
export const upid = (value: string): Upid => value as Upid;
export const bytes = (value: number): Bytes => value as Bytes;

export const millis = (value: number): Millis => value as Millis;
export const seconds = (value: number): Millis => millis(value * 1000);
export const minutes = (value: number): Millis => seconds(value * 60);

export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;
