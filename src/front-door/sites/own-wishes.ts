import { type HostPatterns, HostTable } from './host-table.ts'
import { quote } from './quote.ts'
import type { AcmeWish, SiteDeclaration } from './site-declaration.ts'

/**
 * Removes names of other hosts from containers' certificate wishes, with a warning at the host of the wish: a
 * certificate for a name changes the certificate of that host, so only a container of that host may wish for it. Names
 * without a host, such as that of a mail server, are free for any container.
 */
export class OwnWishes {
  readonly #patterns: HostPatterns
  /** The hosts of the last time, and the owner of each name among them. */
  #hosts: ReadonlySet<string> = new Set()
  #owners = new Map<string, string | undefined>()

  constructor(patterns: HostPatterns) {
    this.#patterns = patterns
  }

  /** @param declarations One a host. */
  keep(declarations: readonly SiteDeclaration[]): SiteDeclaration[] {
    if (declarations.every(({ acme }) => acme?.container === undefined)) return [...declarations]
    const byHost = new Map(declarations.map((each) => [each.host, each]))
    const owners = this.#ownersAmong([...byHost.keys()])
    const findOwner = (name: string): SiteDeclaration | undefined => byHost.get(owners(name) ?? '')
    return declarations.map((declaration) => keepOwn(declaration, { findOwner, declarations }))
  }

  /** Searching thousands of expressions for thousands of names takes a while: it is done for new ones only. */
  #ownersAmong(hosts: readonly string[]): (name: string) => string | undefined {
    const current = new Set(hosts)
    const added = this.#createTable(hosts.filter((host) => !this.#hosts.has(host)))
    for (const [name, owner] of this.#owners) {
      const isGone = owner !== undefined && !current.has(owner)
      if (isGone || added.findOwn(name) !== undefined) this.#owners.delete(name)
    }
    this.#hosts = current
    const all = this.#createTable(hosts)
    const owners = new Map<string, string | undefined>()
    const before = this.#owners
    // Only names of current wishes are kept.
    this.#owners = owners
    return (name) => {
      if (!owners.has(name)) owners.set(name, before.has(name) ? before.get(name) : all.findOwn(name))
      return owners.get(name)
    }
  }

  #createTable(hosts: readonly string[]): HostTable<string> {
    const entries = hosts.map((host) => [host, host] as const)
    return new HostTable(entries, undefined, this.#patterns)
  }
}

interface Owners {
  readonly findOwner: (name: string) => SiteDeclaration | undefined
  readonly declarations: readonly SiteDeclaration[]
}

function keepOwn(declaration: SiteDeclaration, owners: Owners): SiteDeclaration {
  const { acme } = declaration
  if (acme?.container === undefined) return declaration
  const warnings: string[] = []
  const hosts = acme.hosts.filter((name) => {
    const why = whyForeign(name, acme, owners)
    if (why !== undefined) warnings.push(why)
    return why === undefined
  })
  if (warnings.length === 0) return declaration
  return {
    ...declaration,
    acme: hosts.length === 0 ? undefined : { ...acme, hosts },
    warnings: [...declaration.warnings, ...warnings],
  }
}

/** Reason why a container may not wish for a certificate of a name; undefined: it may. */
function whyForeign(name: string, wish: AcmeWish, { findOwner, declarations }: Owners): string | undefined {
  const { container = '', directory, isTest } = wish
  const owner = findOwner(name)
  const isForeign = (other: SiteDeclaration): boolean => !isClaimedBy(other, container)
  if (owner && isForeign(owner)) {
    return `${container} asks for a certificate of ${quote(name)}, a name of ${ownerInWords(owner)}: it is left out. Set ACME_HOST there`
  }
  // A certificate of the configured CA may be shared, as a wildcard is; a wish with a CA of its own is for its own
  // hosts.
  if (directory === undefined && !isTest) return undefined
  const fix = 'leave ACME_CA_URI and LETSENCRYPT_TEST out'
  if (!owner)
    return `${container} asks another CA for ${quote(name)}, which is no host of its own: it is left out. Add it to VIRTUAL_HOST, or ${fix}`
  if (!declarations.some((other) => isBelow(other.host, name) && isForeign(other))) return undefined
  return `${container} asks another CA for ${quote(name)}, which would cover hosts of others: it is left out. Name the hosts one by one, or ${fix}`
}

function isClaimedBy({ source }: SiteDeclaration, container: string): boolean {
  return source.kind === 'docker' && source.containers.includes(container)
}

function isBelow(host: string, wildcard: string): boolean {
  return host.replace(/^[^.]+/, '*') === wildcard
}

function ownerInWords({ host, source }: SiteDeclaration): string {
  switch (source.kind) {
    case 'registry':
      return `${host}, which Berth itself answers`
    case 'config':
      return `${host} of ${source.file}`
    case 'docker':
      return `${host} of ${source.containers.slice(0, 3).join(', ')}`
  }
}
