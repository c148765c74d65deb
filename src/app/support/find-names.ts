import type { Config } from '../../config/config.ts'
import { openData } from '../data/open-data.ts'
import { requireFacts } from '../data/require-data.ts'
import { isUpToDate } from '../database/schema-state.ts'
import { AppError } from '../faults/app-error.ts'
import type { Status } from '../status/read-status.ts'

/** Repositories whose names are replaced: their names are held in memory. Beyond it those in use now are found in the lines. */
const MAX_REPOSITORIES = 100_000
const PAGE = 1_000

/** Members of a line of the log that hold names. */
const NAMED = new Set(
  'who repository repositories remote host hosts path site name names user account tag from to target upstream url urls file image container client registry reference referer'.split(
    ' ',
  ),
)
/** Parts of paths that are the same in every registry. */
const ROUTES = new Set(
  'v2 blobs manifests uploads tags list referrers _catalog token livez readyz'.split(' '),
)

/**
 * Names of repositories and accounts; none without data. An older schema stays as it is.
 * Errors: `AppError` (`SCHEMA_OLD`), `DatabaseError`.
 */
export async function listStoredNames(config: Config): Promise<string[]> {
  try {
    await requireFacts(config, { takesNew: false })
    if (!(await isUpToDate(config))) {
      throw new AppError(
        'SCHEMA_OLD',
        'The names in the database cannot be read: its schema is that of an earlier version',
        'Run the command of that version, or make the bundle with names',
      )
    }
    await using data = await openData(config, { mayMake: false, takesNew: false })
    const names = (await data.accounts.list()).map(({ name }) => name)
    let page = await data.repositories.list({ limit: PAGE })
    while (page.length > 0 && names.length < MAX_REPOSITORIES) {
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
export function listConfiguredNames({ frontDoor, publicUrl, database }: Config): string[] {
  const names = frontDoor
    ? [...frontDoor.domains, ...frontDoor.sites.map(({ host }) => host), frontDoor.acme.email ?? '']
    : []
  if (publicUrl !== undefined) names.push(new URL(publicUrl).hostname)
  if (database.engine === 'postgres') names.push(database.host, database.user, database.name)
  return names
}

/** Names in what a running server reports. */
export function listReportedNames({ server, data }: Status): string[] {
  const names = [...data.sites.map(({ host }) => host), ...data.certificates.map(({ name }) => name)]
  if (server) {
    for (const ranked of [...server.top.repository, ...server.top.client]) names.push(ranked.name)
    for (const transfer of server.transfers) names.push(...namesOf(transfer))
    names.push(...server.urls.map((url) => (URL.canParse(url) ? new URL(url).hostname : url)))
  }
  return names
}

/** Names in a line of the log, also of content that is gone. */
export function listNamesOfLine(line: string): string[] {
  try {
    return namesOf(JSON.parse(line))
  } catch {
    return []
  }
}

function namesOf(value: unknown, isNamed = false): string[] {
  if (typeof value === 'string') return isNamed ? value.split('/').filter((part) => !ROUTES.has(part)) : []
  if (Array.isArray(value)) return value.flatMap((entry) => namesOf(entry, isNamed))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, entry]) => namesOf(entry, isNamed || NAMED.has(key)))
}
