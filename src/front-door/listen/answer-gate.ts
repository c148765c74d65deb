/**
 * Holds requests back until a server has said that it serves: a program that waits for the port finds what was said.
 * What waits is bounded by the connections of its listener.
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
