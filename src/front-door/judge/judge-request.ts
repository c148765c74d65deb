import type { IncomingHttpHeaders } from 'node:http'
import type { RefusedTarget } from '../exchange/canonical-path.ts'
import { enterSite, type JudgedVisit } from '../exchange/site-exchange.ts'
import type { SiteVisit } from '../exchange/site-handler.ts'
import type { Plan } from '../vhost/route/plan.ts'

/** A request and its plan. */
interface JudgedRequest {
  readonly visit: JudgedVisit
  readonly plan: Plan
}

/**
 * Finds the plan of a request by its canonical path. If a server could read another path in the target it will get,
 * that path must have the same rules; otherwise the request is refused, since it would be judged by the one and
 * answered by the other.
 */
export function judgeRequest(
  arrived: SiteVisit,
  { loopId }: { readonly loopId: string },
): JudgedRequest | RefusedTarget {
  if (hasPassed(arrived.headers, loopId)) return LOOP
  const visit = enterSite(arrived)
  if ('refused' in visit) return visit
  const { facts } = visit
  const { server } = visit.site
  const plan = server.route(facts)
  if (facts.readings) {
    const guard = formatGuard(plan)
    if (facts.readings.some((uri) => formatGuard(server.route({ ...facts, uri })) !== guard)) return AMBIGUOUS
  }
  return { visit, plan }
}

/** True if this process sent the request before: an upstream is Berth itself, or passes back to it. */
function hasPassed({ 'cdn-loop': passed }: IncomingHttpHeaders, loopId: string): boolean {
  return passed !== undefined && String(passed).includes(loopId)
}

const LOOP: RefusedTarget = {
  status: 508,
  refused: 'it was sent by this server before: an upstream of the host leads back here',
}
const AMBIGUOUS: RefusedTarget = {
  refused:
    'by an escaped slash or backslash, a ";" or slashes in a row it belongs to locations of different rules',
}

/** The access rules of a location, as a text that is the same for the same rules. */
function formatGuard(plan: Plan): string {
  if (plan.kind === 'close') return plan.kind
  const { access, limitExcept, requestRates, connectionLimits } = plan.settings
  const status = plan.kind === 'content' ? undefined : plan.status
  return JSON.stringify([plan.kind, status, access, limitExcept, requestRates, connectionLimits])
}
