/** Memory of all remembered rows together: the manifests of some thousand images, or the accounts of any team. */
const MAX_BYTES = 4 * 1024 * 1024
/** Largest row remembered: few manifests are larger, and one of them must not displace all others. */
const MAX_ROW_BYTES = 64 * 1024
/** Memory of a row beside its values. */
const ROW_OVERHEAD_BYTES = 256
/** Most absent rows remembered: two of each of 4,096 accounts of htpasswd files, in 2.5 MB with the longest names. */
export const MAX_ABSENT_ROWS = 8_192

/** Look-ups that found the row in memory, and those that did not. */
export interface RowLookups {
  readonly found: number
  readonly missed: number
}

/** Rows read from the current state of the database. Its owner clears it when anything is committed. */
export class RowMemory {
  readonly #rows = new Map<string, object>()
  /** Keys without a row, the oldest first; apart from the rows, so that neither displaces the other. */
  readonly #absent = new Set<string>()
  #bytes = 0
  #found = 0
  #missed = 0

  /** Look-ups so far. */
  get lookups(): RowLookups {
    return { found: this.#found, missed: this.#missed }
  }

  /** Null: it is remembered that there is no such row. */
  get(key: string): object | null | undefined {
    const known = this.#rows.get(key) ?? (this.#absent.has(key) ? null : undefined)
    if (known === undefined) this.#missed++
    else this.#found++
    return known
  }

  /** Remembers a row, which must not be changed from now on, if it is not too large. */
  add(key: string, row: object): void {
    const bytes = sizeOf(key, row)
    if (bytes > MAX_ROW_BYTES) return
    if (this.#bytes + bytes > MAX_BYTES) this.#forgetRows()
    this.#rows.set(key, row)
    this.#bytes += bytes
  }

  /** Remembers that there is no row, in place of the oldest one known to be absent if there are too many. */
  addAbsent(key: string): void {
    if (this.#absent.size >= MAX_ABSENT_ROWS) this.#forgetOldestAbsent()
    this.#absent.add(key)
  }

  clear(): void {
    if (this.#rows.size + this.#absent.size === 0) return
    this.#forgetRows()
    this.#absent.clear()
  }

  #forgetRows(): void {
    this.#rows.clear()
    this.#bytes = 0
  }

  #forgetOldestAbsent(): void {
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest)
      return
    }
  }
}

/**
 * The key of a row: the number of its query, and its parameters. The lengths separate texts that would run into each
 * other.
 */
export function rowKey(query: number, parameters: readonly string[]): string {
  let lengths = `${query}`
  let texts = ''
  for (const text of parameters) {
    lengths += ` ${text.length}`
    texts += text
  }
  return `${lengths}:${texts}`
}

function sizeOf(key: string, row: object): number {
  let bytes = ROW_OVERHEAD_BYTES + key.length
  for (const value of Object.values(row)) {
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length
  }
  return bytes
}
