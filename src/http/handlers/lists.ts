import { visibleRepositories } from '../../access/decide.ts'
import type { PageRequest } from '../../oci/request.ts'
import type { ListContent } from '../../registry/pull/list-content.ts'
import { nextPageLink } from '../answer/next-page-link.ts'
import { replyJson } from '../answer/reply.ts'
import type { Handlers } from './routes.ts'

/** Creates the handlers of lists. */
export function createListHandlers({
  registry,
}: {
  registry: ListContent
}): Pick<Handlers, 'tag-list' | 'catalog'> {
  return {
    /** end-8a, end-8b. */
    async 'tag-list'({ repository, page }, exchange) {
      const { entries, next } = await registry.listTags(repository, page)
      const headers = nextPageLink(`/v2/${repository}/tags/list`, next, sizeParameter(page, entries.length))
      replyJson(exchange, { name: repository, tags: entries }, { headers })
    },

    /** The repositories that the account may pull from. */
    async catalog({ page }, exchange) {
      const visible = visibleRepositories(exchange.principal, exchange.rules)
      const { entries, next } = await registry.listRepositories(visible, page)
      const headers = nextPageLink('/v2/_catalog', next, sizeParameter(page, entries.length))
      replyJson(exchange, { repositories: entries }, { headers })
    },
  }
}

/** The page size for the next link: as requested, up to the number given. */
function sizeParameter(page: PageRequest, given: number): Record<string, string> {
  return { n: String(Math.min(page.n ?? given, given)) }
}
