import type { ContentPlan, SiteExchange, SiteTools } from '../exchange/site-exchange.ts'
import type { SiteVisit } from '../exchange/site-handler.ts'
import { judgeAccess } from './judge-access.ts'
import { judgeRequest } from './judge-request.ts'

const ROUTE = { name: 'route' }
const AUTHORIZE = { name: 'authorize' }

/** {@link judgeRequest}, as a step of the trace if there is one. */
export function routeInTrace(
  visit: SiteVisit,
  tools: SiteTools,
): ReturnType<typeof judgeRequest> | Promise<ReturnType<typeof judgeRequest>> {
  const { trace } = visit
  if (!trace) return judgeRequest(visit, tools)
  return trace.within(ROUTE, async () => judgeRequest(visit, tools))
}

/** {@link judgeAccess}, as a step of the trace if there is one. */
export function authorizeInTrace(
  exchange: SiteExchange,
  plan: ContentPlan,
  tools: SiteTools,
): ReturnType<typeof judgeAccess> {
  const { trace } = exchange
  if (!trace) return judgeAccess(exchange, plan, tools)
  return trace.within(AUTHORIZE, async () => judgeAccess(exchange, plan, tools))
}
