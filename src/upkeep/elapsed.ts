/** Time since it was made, by the clock that is furthest: one stands still while the machine sleeps, the other may be set. */
export class Elapsed {
  readonly #steady = performance.now()
  readonly #wall = Date.now()

  ms(): number {
    return Math.max(performance.now() - this.#steady, Math.abs(Date.now() - this.#wall))
  }
}
