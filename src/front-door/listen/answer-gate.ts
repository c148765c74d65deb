/**
 * Holds requests back until a server has announced that it serves: a program that waits for the port then finds the
 * announcement. The number of waiting requests is bounded by the connections of the listener.
 */
export class AnswerGate {
  #isOpen = false
  #waiting: (() => void)[] = []

  /** Runs `answer` now, or once the gate is open. */
  pass(answer: () => void): void {
    if (this.#isOpen) answer()
    else this.#waiting.push(answer)
  }

  open(): void {
    this.#isOpen = true
    const waiting = this.#waiting
    this.#waiting = []
    for (const answer of waiting) answer()
  }
}
