import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Pair } from '../x509/pair.ts'
import { coversHost, hostKey } from '../x509/x509-facts.ts'
import type { FolderPair } from './read-folder.ts'

/** Rule by which a certificate was chosen. */
export type CertificateRule = 'certificate-name' | 'host' | 'parent' | 'covers' | 'default'

/** A pair that can be served. */
type UsablePair = FolderPair & { readonly pair: Pair }

/** The certificate chosen for a host, and the rule. */
export interface CertificateChoice {
  readonly found: UsablePair | undefined
  readonly rule: CertificateRule | undefined
  /** Remark for the operator: reason why nothing was found, or fault of the chosen one. */
  readonly note: string | undefined
}

type Found = readonly [CertificateRule, UsablePair | undefined]

/** A host's settings about its certificate. */
export interface CertificateWish {
  /** The name of the pair (`CERT_NAME`); an empty one counts as none. */
  readonly certificateName?: string | undefined
  /** True if `default` may be served if no other pair fits (`TRUST_DEFAULT_CERT`); true by default. */
  readonly isDefaultTrusted?: boolean | undefined
}

/** Inputs of a choice beside the host. */
interface ChoiceOptions extends CertificateWish {
  /** Unix time in ms. */
  readonly now: number
}

/**
 * All pairs of all folders, ready to choose from at every handshake. Immutable.
 *
 * The order is nginx-proxy's: the pair named by `CERT_NAME`, and no other in that case; `<host>`; its parent, one level
 * up, if its names cover the host; then, beyond nginx-proxy, any pair whose names cover it, the one that is valid
 * longest; `default`, if it is trusted. A pair that has almost expired, is not valid now, or does not cover the host is
 * used only if no better one was found.
 */
export class CertificateIndex {
  readonly #byName: ReadonlyMap<string, readonly UsablePair[]>
  readonly #byCovered: ReadonlyMap<string, readonly UsablePair[]>
  readonly #refused: ReadonlyMap<string, FolderPair>

  /** @param pairs In the order of their folders: the first of a name wins. */
  constructor(pairs: readonly FolderPair[]) {
    const usable = pairs.filter((pair): pair is UsablePair => pair.pair !== undefined)
    this.#byName = groupBy(usable, ({ name, isNamed }) => (isNamed ? [name] : []))
    const longestFirst = usable
      .filter(({ isTest }) => !isTest)
      .sort(
        (a, b) =>
          Number(a.pair.isSelfSigned) - Number(b.pair.isSelfSigned) || b.pair.notAfter - a.pair.notAfter,
      )
    this.#byCovered = groupBy(longestFirst, ({ pair }) => [...pair.names.dns, ...pair.names.addresses])
    this.#refused = new Map(
      pairs.flatMap((pair) => (pair.pair === undefined && pair.isNamed ? [[pair.name, pair]] : [])),
    )
  }

  /** Chooses for a host: a name, a wildcard such as `*.example.com`, an address, or a pattern that begins with `~`. */
  choose(name: string, { certificateName, isDefaultTrusted = true, now }: ChoiceOptions): CertificateChoice {
    if (certificateName) return this.#byRequest(certificateName, name, now)
    const host = hostKey(name)
    const own = this.#named(host.startsWith('~') ? [host, sha1(name)] : [host])
    const parents = this.#named(toParents(host))
    const covering = this.#covering(host).filter((pair) => isDefaultTrusted || !isDefault(pair))
    const isPattern = host.startsWith('~')
    const isGood = (pair: UsablePair): boolean =>
      isValid(pair, now) && (isPattern || coversHost(pair.pair.names, host))
    const isFresh = (pair: UsablePair): boolean => isGood(pair) && !isEnding(pair, now)
    const fitting = (isFit: (pair: UsablePair) => boolean): Found[] => [
      ['host', own.find(isFit)],
      ['parent', parents.find(isFit)],
      ['covers', covering.find(isFit)],
    ]
    const rules: Found[] = [
      ...fitting(isFresh),
      ...fitting(isGood),
      // Better than nothing: the client names the fault.
      ['host', own.find((pair) => isValid(pair, now)) ?? own[0]],
      ['parent', parents.find(({ pair }) => coversHost(pair.names, host))],
      ['covers', covering[0]],
      ['default', isDefaultTrusted ? this.#named(['default'])[0] : undefined],
    ]
    const [rule, found] = rules.find(([, pair]) => pair !== undefined) ?? []
    return {
      found,
      rule,
      note: found ? describe(found, host, now) : this.#whyNone(host, parents, isDefaultTrusted),
    }
  }

  #byRequest(certificateName: string, name: string, now: number): CertificateChoice {
    const found = this.#named([certificateName.toLowerCase()])
    const best = found.find((pair) => isValid(pair, now)) ?? found[0]
    if (best) return { found: best, rule: 'certificate-name', note: describe(best, hostKey(name), now) }
    const refused = this.#refused.get(certificateName.toLowerCase())
    const why = refused ? `cannot be used: ${refused.problem}` : 'is not in the folder of certificates'
    return {
      found: undefined,
      rule: undefined,
      note: `The certificate ${certificateName} is requested by its name and ${why}`,
    }
  }

  #named(names: readonly string[]): UsablePair[] {
    return names.flatMap((name) => this.#byName.get(name) ?? [])
  }

  #covering(host: string): readonly UsablePair[] {
    const exact = this.#byCovered.get(host)
    const dot = host.indexOf('.')
    const star = dot > 0 && !host.startsWith('*.') ? this.#byCovered.get(`*${host.slice(dot)}`) : undefined
    if (!exact || !star) return exact ?? star ?? []
    return [...exact, ...star]
  }

  #whyNone(host: string, parents: readonly UsablePair[], isDefaultTrusted: boolean): string {
    const refused = [host, ...toParents(host)].map((name) => this.#refused.get(name)).find(Boolean)
    if (refused) return `${refused.name}.crt cannot be used: ${refused.problem}`
    if (parents[0]) return `${parents[0].name}.crt does not cover ${host}, so it is not used for it`
    const isDistrusted = !isDefaultTrusted && this.#named(['default']).length > 0
    const but = isDistrusted ? ', and default.crt is not trusted for it (trust-default-cert)' : ''
    return `There is no certificate that covers ${host}${but}`
  }
}

/** Names one level up: `*.b.c` and `b.c` for `a.b.c`; none for names of two parts, whose parent is a public suffix. */
function toParents(host: string): string[] {
  if (isIP(host) !== 0 || host.startsWith('~')) return []
  const labels = host.split('.')
  if (labels.length <= 2) return []
  const parent = labels.slice(1).join('.')
  return host.startsWith('*.') ? [parent] : [`*.${parent}`, parent]
}

/** An untrusted default is not served for the names it has, either. */
function isDefault({ name, isNamed }: UsablePair): boolean {
  return isNamed && name === 'default'
}

function isValid({ pair }: UsablePair, now: number): boolean {
  return pair.notBefore <= now && now < pair.notAfter
}

/**
 * True if less than a twentieth of its life is left: it should have been renewed by then, and another one may be there.
 */
function isEnding({ pair }: UsablePair, now: number): boolean {
  return pair.notAfter - now < (pair.notAfter - pair.notBefore) / 20
}

function describe(
  { pair, name, problem, isTest }: UsablePair,
  host: string,
  now: number,
): string | undefined {
  if (now >= pair.notAfter) return `The certificate ${name} has expired on ${day(pair.notAfter)}`
  if (now < pair.notBefore) return `The certificate ${name} is valid only from ${day(pair.notBefore)}`
  if (!host.startsWith('~') && !coversHost(pair.names, host))
    return `The certificate ${name} does not cover ${host}`
  if (problem !== undefined)
    return `New files of ${name} cannot be used (${problem}); those before are served`
  return isTest
    ? `The certificate ${name} is from the staging side of a CA: clients do not trust it`
    : undefined
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function groupBy<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    for (const key of new Set(keysOf(item))) {
      const group = groups.get(key)
      if (group) group.push(item)
      else groups.set(key, [item])
    }
  }
  return groups
}
