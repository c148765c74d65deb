import { visibleRepositories } from '../../access/decide.ts'
import type { PageRequest } from '../../oci/request.ts'
import { nextPageLink } from '../next-page-link.ts'
import { replyJson } from '../reply.ts'
import type { Handler } from '../routes.ts'

/** end-8a, end-8b. */
export const listTags: Handler<'tag-list'> = async ({ repository, page }, exchange, registry) => {
  const { entries, next } = await registry.listTags(repository, page)
  const headers = nextPageLink(`/v2/${repository}/tags/list`, next, sizeParameter(page, entries.length))
  replyJson(exchange, { name: repository, tags: entries }, { headers })
}

/** The repositories the asker may pull from. */
export const listRepositories: Handler<'catalog'> = async ({ page }, exchange, registry) => {
  const visible = visibleRepositories(exchange.principal)
  const { entries, next } = await registry.listRepositories(visible, page)
  const headers = nextPageLink('/v2/_catalog', next, sizeParameter(page, entries.length))
  replyJson(exchange, { repositories: entries }, { headers })
}

/** The page size to go on with: what was asked for as far as it was given. */
function sizeParameter(page: PageRequest, given: number): Record<string, string> {
  return { n: String(Math.min(page.n ?? given, given)) }
}
