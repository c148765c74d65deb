import { findQuota, type Quota } from '../policies/quotas.ts'
import type { PolicyManager } from './manage-policies.ts'
import type { RepositoryManager } from './repositories.ts'

const PAGE_SIZE = 100

/** The limit of a namespace, and its use. */
interface UsedQuota extends Quota {
  readonly use: { readonly bytes: number; readonly repositories: number }
}

/** The quotas of namespaces: those with an entry of their own, and all others that hold content if there is one for them. */
export async function listQuotas({
  policies,
  repositories,
}: {
  readonly policies: Pick<PolicyManager, 'read'>
  readonly repositories: Pick<RepositoryManager, 'listNamespaces' | 'findUse'>
}): Promise<UsedQuota[]> {
  const { document } = await policies.read()
  const names = new Set<string>()
  for (const { namespace, user } of document.quotas ?? []) names.add(namespace ?? user ?? '')
  if (names.delete('*')) {
    let last: string | undefined
    do {
      const page = await repositories.listNamespaces({ limit: PAGE_SIZE, last })
      for (const { name } of page) names.add(name)
      last = page.length === PAGE_SIZE ? page.at(-1)?.name : undefined
    } while (last !== undefined)
  }
  const found: UsedQuota[] = []
  for (const name of [...names].sort()) {
    const quota = findQuota(document, name)
    if (quota) found.push({ ...quota, use: await repositories.findUse(name) })
  }
  return found
}
