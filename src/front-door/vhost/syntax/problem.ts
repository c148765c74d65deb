/** Where a directive stands. `file` is the path as the operator knows it; `line` counts from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** What is wrong with a vhost file. */
export interface DirectiveProblem extends Place {
  /** `closes`: the host answers 503 until it is mended, since what was meant to protect it is not understood. */
  readonly severity: 'closes' | 'warns'
  /** A sentence: what it is, and what to do. */
  readonly message: string
}
