import { isIPv6 } from 'node:net'

/** Counts open connections by address, so that one address cannot take them all. */
export class ConnectionCount {
  readonly #max: number
  readonly #open = new Map<string, number>()

  /** `max` 0: no limit. */
  constructor(max: number) {
    this.#max = max
  }

  /** Counts a connection. @returns a function that ends its counting; undefined if its address has its most. */
  add(address: string): (() => void) | undefined {
    if (this.#max === 0) return ignore
    const key = toNetwork(address)
    const open = this.#open.get(key) ?? 0
    if (open >= this.#max) return undefined
    this.#open.set(key, open + 1)
    return () => {
      const left = (this.#open.get(key) ?? 1) - 1
      if (left === 0) this.#open.delete(key)
      else this.#open.set(key, left)
    }
  }
}

/** An IPv6 customer has a /64 at least, and could take another address for each connection. */
function toNetwork(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  if (tail === undefined) return first.slice(0, 4).join(':')
  const last = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0')
  return [...first, ...zeros, ...last].slice(0, 4).join(':')
}

function ignore(): void {}
