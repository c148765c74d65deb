/** Memory of all remembered rows together: the manifests of some thousand images, or the accounts of any team. */
const MAX_BYTES = 4 * 1024 * 1024
/** Largest row remembered: few manifests are larger, and one of them must not displace all others. */
const MAX_ROW_BYTES = 64 * 1024
/** Memory of a row beside its values. */
const ROW_OVERHEAD_BYTES = 256

/** Rows read from the current state of the database. Its owner clears it when anything is committed. */
export class RowMemory {
  readonly #rows = new Map<string, object>()
  #bytes = 0

  get(key: string): object | undefined {
    return this.#rows.get(key)
  }

  /** Remembers a row, which must not be changed from now on, if it is not too large. */
  add(key: string, row: object): void {
    const bytes = sizeOf(key, row)
    if (bytes > MAX_ROW_BYTES) return
    if (this.#bytes + bytes > MAX_BYTES) this.clear()
    this.#rows.set(key, row)
    this.#bytes += bytes
  }

  clear(): void {
    if (this.#rows.size === 0) return
    this.#rows.clear()
    this.#bytes = 0
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
