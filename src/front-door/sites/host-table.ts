import { isIP } from 'node:net'
import { compileRegex, type Pattern, testRegex } from '../vhost/regex/regex.ts'
import { normalizeHost, parseAuthority } from '../visit/address/host-name.ts'

/** Regular expressions tried for a host that no other pattern matches: some tenths of a millisecond for all of them. */
const MAX_REGEX_HOSTS = 2_000
/** Compiled expressions kept from one table to the next. */
const MAX_PATTERNS = 4_000
/** Hosts remembered that were searched among expressions: visitors request the same ones again. */
const MAX_FOUND = 1_000

/** A pattern that cannot be used, and the reason. */
interface HostProblem {
  readonly pattern: string
  readonly message: string
}

/** Compiled expressions of hosts: a change to one host costs only that one. */
export class HostPatterns {
  readonly #compiled = new Map<string, ReturnType<typeof compileRegex>>()

  /** Compiles a host that begins with `~`. */
  compile(host: string): ReturnType<typeof compileRegex> {
    const known = this.#compiled.get(host)
    if (known) return known
    const compiled = compileRegex(host.slice(1), true)
    const [oldest] = this.#compiled.size >= MAX_PATTERNS ? this.#compiled.keys() : []
    if (oldest !== undefined) this.#compiled.delete(oldest)
    this.#compiled.set(host, compiled)
    return compiled
  }
}

interface RegexEntry<T> {
  /** Beginning of every host that matches: compared before the expression is tried, which takes much longer. */
  readonly prefix: string
  readonly pattern: Pattern
  readonly value: T
}

/**
 * Finds the value of a host, in nginx's order: the exact name, the longest `*.name`, the longest `name.*`, the first
 * regular expression, with these in the order of their text. Immutable; a change is a new table. `.name` means `name`
 * and `*.name`.
 */
export class HostTable<T> {
  readonly problems: readonly HostProblem[]
  /** Value for hosts that no pattern matches. */
  readonly fallback: T | undefined
  /** Hosts that are addresses: a TLS handshake never names them. */
  readonly addresses: readonly string[]
  readonly #exact = new Map<string, T>()
  /** `.example.com` also matches `example.com`, if no other pattern does. */
  readonly #dots = new Map<string, T>()
  /** By the text after the star, with its dot: `.example.com`. */
  readonly #suffixes = new Map<string, T>()
  /** By the text before the star, with its dot: `www.example.`. */
  readonly #prefixes = new Map<string, T>()
  readonly #regexes: RegexEntry<T>[] = []
  readonly #found = new Map<string, T | undefined>()
  readonly #patterns: HostPatterns

  /** The first value of a pattern counts. `patterns`: those of the table before. */
  constructor(
    entries: Iterable<readonly [pattern: string, value: T]>,
    fallback?: T,
    patterns: HostPatterns = new HostPatterns(),
  ) {
    this.#patterns = patterns
    const problems: HostProblem[] = []
    for (const [pattern, value] of [...entries].sort(byPattern)) {
      const message = this.#add(pattern, value)
      if (message !== undefined) problems.push({ pattern, message })
    }
    this.problems = problems
    this.fallback = fallback
    this.addresses = [...this.#exact.keys()].filter((host) => isIP(host) !== 0)
  }

  /** `host` in the form of {@link normalizeHost}. */
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
    return this.#regexes.length === 0 ? undefined : this.#findRegex(host)
  }

  #findRegex(host: string): T | undefined {
    if (this.#found.has(host)) return this.#found.get(host)
    const isMatch = ({ prefix, pattern }: RegexEntry<T>): boolean =>
      host.startsWith(prefix) && testRegex(pattern, host)
    const found = this.#regexes.find(isMatch)?.value
    const [oldest] = this.#found.size >= MAX_FOUND ? this.#found.keys() : []
    if (oldest !== undefined) this.#found.delete(oldest)
    this.#found.set(host, found)
    return found
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
    const compiled = this.#patterns.compile(pattern)
    if ('problem' in compiled) return compiled.problem
    this.#regexes.push({ prefix: parsePrefix(pattern.slice(1)), pattern: compiled, value })
    return undefined
  }
}

/** The plain text after `^`, in lower case as hosts are; empty if there is none, or several alternatives. */
function parsePrefix(expression: string): string {
  if (expression.includes('|')) return ''
  const [, text = ''] = /^\^((?:[a-z0-9-](?![?*+{])|\\\.(?![?*+{]))*)/i.exec(expression) ?? []
  return text.replaceAll('\\', '').toLowerCase()
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
