/** Characters of the lines kept: some thousand access lines, small beside the memory of a process at rest. */
const MAX_KEPT_CHARACTERS = 256 * 1024
/** Characters kept of one line: a stack fits in. */
const MAX_LINE_CHARACTERS = 4 * 1024

/** The last lines of a log, in bounded memory, for a report about the process. */
export class RecentLines {
  readonly #lines: string[] = []
  /** Place of the oldest line in the array; those before it are empty. */
  #first = 0
  #characters = 0

  /** Keeps a line, and drops the oldest ones beyond the bound. */
  add(line: string): void {
    const kept = line.length > MAX_LINE_CHARACTERS ? `${line.slice(0, MAX_LINE_CHARACTERS)}…` : line.trimEnd()
    this.#lines.push(kept)
    this.#characters += kept.length
    while (this.#characters > MAX_KEPT_CHARACTERS) {
      this.#characters -= this.#lines[this.#first]?.length ?? 0
      this.#lines[this.#first++] = ''
    }
    // Moved seldom, so that the cost of a line does not grow with their number.
    if (this.#first > 1024 && this.#first * 2 > this.#lines.length) {
      this.#lines.splice(0, this.#first)
      this.#first = 0
    }
  }

  /** The oldest first. */
  list(): string[] {
    return this.#lines.slice(this.#first)
  }
}
