import type { Config } from '../../config/config.ts'
import { openData } from '../data/open-data.ts'
import { AppError } from '../faults/app-error.ts'

/** Repositories whose names are replaced: their names are held in memory. */
const MAX_REPOSITORIES = 100_000
const PAGE = 1_000

/**
 * Names of repositories and accounts; none without data. An older schema stays as it is.
 * Errors: `AppError`, `DatabaseError` (`SCHEMA_OLD`).
 */
export async function listStoredNames(config: Config): Promise<string[]> {
  try {
    await using data = await openData(config, { mayMake: false, takesNew: false })
    const accounts = (await data.accounts.list()).map(({ name }) => name)
    const names = [...accounts]
    let page = await data.repositories.list({ limit: PAGE })
    while (page.length > 0 && names.length - accounts.length < MAX_REPOSITORIES) {
      names.push(...page.map(({ name }) => name))
      page = await data.repositories.list({ limit: PAGE, after: page.at(-1) })
    }
    return names
  } catch (error) {
    if (error instanceof AppError && error.code === 'DATA_NOT_FOUND') return []
    throw error
  }
}

/** Hosts and mail addresses of a configuration. */
export function listConfiguredNames({ frontDoor, publicUrl, database, ldap }: Config): string[] {
  const names = frontDoor
    ? [...frontDoor.domains, ...frontDoor.sites.map(({ host }) => host), frontDoor.acme.email ?? '']
    : []
  if (publicUrl !== undefined) names.push(new URL(publicUrl).hostname)
  if (database.engine === 'postgres') names.push(database.host, database.user, database.name)
  if (ldap) {
    const places = [ldap.bindDn, ldap.userBase, ldap.groupBase].filter((dn) => dn !== undefined)
    // Values of a DN, such as `services` of `ou=services`: its attributes name nobody.
    names.push(...places.flatMap((dn) => dn.match(/(?<==)[^,+]+/g) ?? []), ldap.adminGroup ?? '')
  }
  return names
}
