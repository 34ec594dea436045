/** What a trace leaves behind: one step as a graph. */
import type { Node } from './node.ts';

/** `ref` is a node of the `ref` op; its new value is committed when the step ends. */
export interface Assign { readonly ref: Node; readonly value: Node }

export interface Program {
  /** Nodes of the `input` op, in slot order. */
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  readonly assigns: readonly Assign[];
}
