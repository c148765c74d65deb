import { isIP } from 'node:net'
import { compileRegex, matchRegex, type Pattern } from './directives/regex.ts'
import { normalizeHost, parseAuthority } from './host-name.ts'

/** Regular expressions looked at for a host that nothing else fits. */
const MAX_REGEX_HOSTS = 1_000

/** A pattern that cannot be used, and why. */
export interface HostProblem {
  readonly pattern: string
  readonly message: string
}

interface RegexEntry<T> {
  readonly pattern: Pattern
  readonly value: T
}

/**
 * Finds what belongs to a host, in nginx's order: the exact name, the longest `*.name`, the longest `name.*`, the
 * first regular expression, with these in the order of their text. Immutable; a change is a new table. `.name` stands
 * for `name` and `*.name`.
 */
export class HostTable<T> {
  readonly problems: readonly HostProblem[]
  /** Answers hosts that nothing fits. */
  readonly fallback: T | undefined
  /** Hosts that are addresses: a TLS handshake never names them. */
  readonly addresses: readonly string[]
  readonly #exact = new Map<string, T>()
  /** `.example.com` also stands for `example.com`, if nothing else does. */
  readonly #dots = new Map<string, T>()
  /** By what follows the star, with its dot: `.example.com`. */
  readonly #suffixes = new Map<string, T>()
  /** By what stands before the star, with its dot: `www.example.`. */
  readonly #prefixes = new Map<string, T>()
  readonly #regexes: RegexEntry<T>[] = []

  /** The first value of a pattern counts. */
  constructor(entries: Iterable<readonly [pattern: string, value: T]>, fallback?: T) {
    const problems: HostProblem[] = []
    for (const [pattern, value] of [...entries].sort(byPattern)) {
      const message = this.#add(pattern, value)
      if (message !== undefined) problems.push({ pattern, message })
    }
    this.problems = problems
    this.fallback = fallback
    this.addresses = [...this.#exact.keys()].filter((host) => isIP(host) !== 0)
  }

  /** `host` as {@link normalizeHost} gives it. */
  find(host: string): T | undefined {
    return this.findOwn(host) ?? this.fallback
  }

  /** The same without the fallback. */
  findOwn(host: string): T | undefined {
    return this.#exact.get(host) ?? this.#findPattern(host)
  }

  #findPattern(host: string): T | undefined {
    const dotted = this.#dots.get(host)
    if (dotted !== undefined) return dotted
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
    // Not by `find()`: it would allocate for each request to a host that is not named exactly.
    for (const { pattern, value } of this.#regexes) {
      const match = matchRegex(pattern, host)
      if (match !== undefined && match !== 'too-long') return value
    }
    return undefined
  }

  #add(pattern: string, value: T): string | undefined {
    if (pattern.startsWith('~')) return this.#addRegex(pattern, value)
    const kind = kindOf(pattern)
    const bare = {
      suffix: pattern.slice(2),
      prefix: pattern.slice(0, -2),
      dot: pattern.slice(1),
      exact: pattern,
    }
    const host =
      normalizeHost(bare[kind]) ?? (kind === 'exact' ? parseAuthority(`[${pattern}]`)?.host : undefined)
    if (host === undefined) return 'it is no host name'
    if (kind === 'exact') addFirst(this.#exact, host, value)
    if (kind === 'suffix' || kind === 'dot') addFirst(this.#suffixes, `.${host}`, value)
    if (kind === 'dot') addFirst(this.#dots, host, value)
    if (kind === 'prefix') addFirst(this.#prefixes, `${host}.`, value)
    return undefined
  }

  #addRegex(pattern: string, value: T): string | undefined {
    if (this.#regexes.length >= MAX_REGEX_HOSTS)
      return `there are more than ${MAX_REGEX_HOSTS} regular expressions`
    const compiled = compileRegex(pattern.slice(1), true)
    if ('problem' in compiled) return compiled.problem
    this.#regexes.push({ pattern: compiled, value })
    return undefined
  }
}

type Kind = 'suffix' | 'prefix' | 'dot' | 'exact'

function kindOf(pattern: string): Kind {
  if (pattern.startsWith('*.')) return 'suffix'
  if (pattern.endsWith('.*')) return 'prefix'
  return pattern.startsWith('.') ? 'dot' : 'exact'
}

function addFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value)
}

/** Only the order of regular expressions matters. */
function byPattern<T>([a]: readonly [string, T], [b]: readonly [string, T]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
