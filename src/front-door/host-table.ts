import { normalizeHost } from './host-name.ts'

/** Regular expressions looked at for a host that nothing else fits. */
const MAX_REGEX_HOSTS = 1_000
/** Longest of them, in characters. */
const MAX_REGEX_LENGTH = 512

/** A pattern that cannot be used, and why. */
export interface HostProblem {
  readonly pattern: string
  readonly message: string
}

interface RegexEntry<T> {
  readonly regex: RegExp
  readonly value: T
}

/**
 * Finds what belongs to a host, in nginx's order: the exact name, the longest `*.name`, the longest `name.*`, the
 * first regular expression, with these in the order of their text. Immutable; a change is a new table.
 */
export class HostTable<T> {
  readonly problems: readonly HostProblem[]
  readonly #exact = new Map<string, T>()
  /** By what follows the star, with its dot: `.example.com`. */
  readonly #suffixes = new Map<string, T>()
  /** By what stands before the star, with its dot: `www.example.`. */
  readonly #prefixes = new Map<string, T>()
  readonly #regexes: RegexEntry<T>[] = []
  readonly #default: T | undefined

  /** The first value of a pattern counts. `fallback` answers hosts that nothing fits. */
  constructor(entries: Iterable<readonly [pattern: string, value: T]>, fallback?: T) {
    const problems: HostProblem[] = []
    for (const [pattern, value] of [...entries].sort(byPattern)) {
      const message = this.#add(pattern, value)
      if (message !== undefined) problems.push({ pattern, message })
    }
    this.problems = problems
    this.#default = fallback
  }

  /** `host` as {@link normalizeHost} gives it. */
  find(host: string): T | undefined {
    return this.#exact.get(host) ?? this.#findPattern(host) ?? this.#default
  }

  /** The same without the fallback. */
  findOwn(host: string): T | undefined {
    return this.#exact.get(host) ?? this.#findPattern(host)
  }

  #findPattern(host: string): T | undefined {
    if (this.#suffixes.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const value = dot === 0 ? undefined : this.#suffixes.get(host.slice(dot))
        if (value !== undefined) return value
      }
    }
    if (this.#prefixes.size > 0) {
      for (let dot = host.lastIndexOf('.'); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
        const value = dot === host.length - 1 ? undefined : this.#prefixes.get(host.slice(0, dot + 1))
        if (value !== undefined) return value
      }
    }
    return this.#regexes.find(({ regex }) => regex.test(host))?.value
  }

  #add(pattern: string, value: T): string | undefined {
    if (pattern.startsWith('~')) return this.#addRegex(pattern, value)
    const kind = pattern.startsWith('*.')
      ? 'suffix'
      : pattern.endsWith('.*')
        ? 'prefix'
        : pattern.startsWith('.')
          ? 'dot'
          : 'exact'
    const bare = {
      suffix: pattern.slice(2),
      prefix: pattern.slice(0, -2),
      dot: pattern.slice(1),
      exact: pattern,
    }
    const name = normalizeHost(bare[kind])
    if (name === undefined && !(kind === 'exact' && pattern.includes(':'))) return 'it is no host name'
    const host = name ?? pattern.toLowerCase()
    if (kind === 'exact' || kind === 'dot') addFirst(this.#exact, host, value)
    if (kind === 'suffix' || kind === 'dot') addFirst(this.#suffixes, `.${host}`, value)
    if (kind === 'prefix') addFirst(this.#prefixes, `${host}.`, value)
    return undefined
  }

  #addRegex(pattern: string, value: T): string | undefined {
    if (pattern.length > MAX_REGEX_LENGTH) return `it is longer than ${MAX_REGEX_LENGTH} characters`
    if (this.#regexes.length >= MAX_REGEX_HOSTS)
      return `there are more than ${MAX_REGEX_HOSTS} regular expressions`
    try {
      // PCRE's named groups have two spellings that JavaScript lacks.
      const source = pattern.slice(1).replace(/\(\?P?<(?![=!])/g, '(?<')
      this.#regexes.push({ regex: new RegExp(source, 'i'), value })
      return undefined
    } catch (error) {
      return `it is no regular expression (${error instanceof Error ? error.message : String(error)})`
    }
  }
}

function addFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value)
}

/** Only the order of regular expressions matters. */
function byPattern<T>([a]: readonly [string, T], [b]: readonly [string, T]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
