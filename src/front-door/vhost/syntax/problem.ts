/** Place of a directive. `file` is the path as the operator knows it; `line` counts from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** A problem of a vhost file. */
export interface DirectiveProblem extends Place {
  /** `closes`: the host answers 503 until it is corrected, since a directive that may protect it is not understood. */
  readonly severity: 'closes' | 'warns'
  /** A sentence: the fault, and the remedy. */
  readonly message: string
}
