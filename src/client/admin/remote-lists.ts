import type { Account } from '../../accounts/accounts.ts'
import { isJsonObject, type JsonObject } from '../../oci/descriptor.ts'
import type { ListedTag, TagLister } from '../../registry/manage-tags.ts'
import type { RepositoryManager, RepositorySummary } from '../../registry/repositories.ts'
import { RegistryError } from '../registry-error.ts'
import { type AdminClient, type AdminLogin, createAdminClient } from './admin-client.ts'

/** An account as lists show it: what ends its log-ins has no meaning outside. */
type ListedAccount = Omit<Account, 'id' | 'version'>

/** Entries of one page of accounts. */
const PAGE = 1_000

/** Lists of a registry: of its data folder, or of a server. */
export interface RegistryLists extends AsyncDisposable {
  readonly repositories: Pick<RepositoryManager, 'list'>
  readonly tags: Pick<TagLister, 'list'>
  readonly accounts: { list(): Promise<readonly ListedAccount[]> }
}

/** The lists of a server, by its admin API. Errors: `RegistryError`. */
export function createRemoteLists(login: AdminLogin): RegistryLists {
  const client = createAdminClient(login)
  /** Cursor after the last entry of each page that was read. */
  const cursors = new WeakMap<object, string>()
  return {
    repositories: {
      async list({ limit, order = 'name', after }) {
        const page = await readPage(client, '/repositories', {
          limit,
          order,
          cursor: after && cursors.get(after),
        })
        const found = page.items.map(toRepository)
        remember(cursors, found, page.next)
        return found
      },
    },
    tags: {
      async list(repository, { limit, last }) {
        // The position in this list is the name itself: what the server takes for a cursor is made of it.
        const cursor =
          last === undefined ? undefined : Buffer.from(JSON.stringify(last)).toString('base64url')
        const path = `/repositories/${encodeURIComponent(repository)}/tags`
        const page = await readPage(client, path, { limit, cursor }, ['NAME_UNKNOWN'])
        return page.isAbsent ? undefined : page.items.map(toTag)
      },
    },
    accounts: {
      async list() {
        const found: ListedAccount[] = []
        let cursor: string | undefined
        do {
          const page = await readPage(client, '/users', { limit: PAGE, cursor })
          found.push(...page.items.map(toAccount))
          cursor = page.next
        } while (cursor !== undefined)
        return found
      },
    },
    async [Symbol.asyncDispose]() {},
  }
}

interface Page {
  readonly items: readonly JsonObject[]
  readonly next: string | undefined
  readonly isAbsent: boolean
}

async function readPage(
  client: AdminClient,
  path: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
  absent: readonly string[] = [],
): Promise<Page> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  const answer = await client.get(`${path}?${query}`, absent)
  if (!answer) return { items: [], next: undefined, isAbsent: true }
  const { items, next } = answer
  if (!Array.isArray(items))
    throw new RegistryError('REGISTRY_ANSWER_INVALID', `The list ${path} has no entries`)
  return {
    items: items.filter(isJsonObject),
    next: typeof next === 'string' ? next : undefined,
    isAbsent: false,
  }
}

function remember(
  cursors: WeakMap<object, string>,
  found: readonly object[],
  next: string | undefined,
): void {
  const last = found.at(-1)
  if (last && next !== undefined) cursors.set(last, next)
}

/** The document of the API describes these forms; the server is trusted to keep them. */
function toRepository(item: JsonObject): RepositorySummary {
  return {
    ...(item as unknown as RepositorySummary),
    createdAt: new Date(String(item.createdAt)),
    updatedAt: toTime(item.updatedAt),
    usedAt: toTime(item.usedAt),
  }
}

function toTag(item: JsonObject): ListedTag {
  return { ...(item as unknown as ListedTag), updatedAt: new Date(String(item.updatedAt)) }
}

function toAccount(item: JsonObject): ListedAccount {
  return { ...(item as unknown as ListedAccount), createdAt: toTime(item.createdAt) }
}

function toTime(value: unknown): Date | undefined {
  return typeof value === 'string' ? new Date(value) : undefined
}
