import { quote } from './docker/variables.ts'
import { HostTable } from './host-table.ts'
import type { AcmeWish, SiteDeclaration } from './site-declaration.ts'

/**
 * Takes the names out of containers' certificates that other hosts answer to, with a warning at the host that asked: a
 * certificate for a name changes what that name is served with, so only a container of the name's own host may ask for
 * it. Names that no host has, such as that of a mail server, may be asked for by any container. Pure.
 * @param declarations One a host.
 */
export function keepOwnWishes(declarations: readonly SiteDeclaration[]): SiteDeclaration[] {
  if (declarations.every(({ acme }) => acme?.container === undefined)) return [...declarations]
  const owners = new HostTable(declarations.map((each) => [each.host, each] as const))
  return declarations.map((declaration) => {
    const { acme } = declaration
    if (acme?.container === undefined) return declaration
    const warnings: string[] = []
    const hosts = acme.hosts.filter((name) => {
      const why = whyForeign(name, acme, { owners, declarations })
      if (why !== undefined) warnings.push(why)
      return why === undefined
    })
    if (warnings.length === 0) return declaration
    return {
      ...declaration,
      acme: hosts.length === 0 ? undefined : { ...acme, hosts },
      warnings: [...declaration.warnings, ...warnings],
    }
  })
}

interface Owners {
  readonly owners: HostTable<SiteDeclaration>
  readonly declarations: readonly SiteDeclaration[]
}

/** Why a container may not ask for a certificate of a name; undefined: it may. */
function whyForeign(name: string, wish: AcmeWish, { owners, declarations }: Owners): string | undefined {
  const { container = '', directory, isTest } = wish
  const owner = owners.findOwn(name)
  const isForeign = (other: SiteDeclaration): boolean => !isClaimedBy(other, container)
  if (owner && isForeign(owner)) {
    return `${container} asks for a certificate of ${quote(name)}, a name of ${ownerInWords(owner)}: it is left out. Set ACME_HOST there`
  }
  // A shared wildcard is what others rely on, but only one that they would get themselves.
  if (!name.startsWith('*.') || (directory === undefined && !isTest)) return undefined
  if (!declarations.some((other) => isBelow(other.host, name) && isForeign(other))) return undefined
  return `${container} asks another CA for ${quote(name)}, which would cover hosts of others: it is left out. Name the hosts one by one, or leave ACME_CA_URI and LETSENCRYPT_TEST out`
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
