import type { JudgedVisit } from '../exchange/site-exchange.ts'
import { type ContentPlan, findTarget, type SiteExchange, type SiteTools } from '../exchange/site-exchange.ts'
import { accessFor, decideAddress, decideDemand } from '../vhost/settings/access.ts'
import { expand } from '../vhost/syntax/template.ts'
import { createAddressMatcher } from '../visit/address/network-address.ts'
import { readBasic } from './basic-credentials.ts'

/** Networks of `NETWORK_ACCESS=internal`: nginx-proxy's own list, and IPv6's. */
const INTERNAL_NETWORKS = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '192.168.0.0/16',
  '172.16.0.0/12',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
  'unix:',
]
const isInternal = createAddressMatcher(INTERNAL_NETWORKS)

/** Answer to a refused request. */
export interface Refusal {
  readonly status: number
  readonly challenge?: string
  readonly retryAfterS?: number
}

/** Refusal of a request; undefined: it is let in. */
export async function judgeAccess(
  exchange: JudgedVisit,
  plan: ContentPlan,
  tools: SiteTools,
): Promise<Refusal | undefined> {
  const { facts, site } = exchange
  if (site.declaration.networkAccess === 'internal' && !isLetIn(site, facts.remoteAddress))
    return { status: 403 }
  const access = accessFor(plan.settings, facts.method)
  const demand = decideDemand(access, facts.remoteAddress)
  if (demand.kind === 'denied') return { status: 403 }
  // The registry's users are its accounts: it demands the password itself, with a token if the client wants one.
  if (demand.kind === 'granted' || !access.basic || isRegistry(exchange, plan)) return undefined
  return checkPassword(exchange, access.basic, { tools, variable: plan.variable })
}

function isLetIn({ server: { internalAccess } }: SiteExchange['site'], address: string): boolean {
  return internalAccess ? decideAddress(internalAccess, address) !== 'denied' : isInternal(address)
}

async function checkPassword(
  exchange: JudgedVisit,
  basic: NonNullable<ReturnType<typeof accessFor>['basic']>,
  { tools, variable }: { tools: SiteTools; variable: (name: string) => string },
): Promise<Refusal | undefined> {
  const { file } = basic
  if (file === undefined) return { status: 403 }
  const realm = expand(basic.realm, variable).replace(/["\\]|[^\x20-\x7e]/g, '')
  const challenge: Refusal = { status: 401, challenge: `Basic realm="${realm}"` }
  const login = readBasic(exchange.headers.authorization)
  if (!login) return challenge
  const verdict = await tools.passwords.check(file, login.user, login.password, exchange.facts.remoteAddress)
  switch (verdict.kind) {
    case 'right':
      return undefined
    case 'wrong':
      return challenge
    case 'no-file':
      return { status: 403 }
    case 'unreadable':
      tools.logger.error(
        { host: exchange.host, file, reason: verdict.reason },
        'a password file cannot be read',
      )
      return { status: 500 }
    case 'busy':
      return { status: 503, retryAfterS: verdict.retryAfterS }
    default:
      return verdict satisfies never
  }
}

function isRegistry(exchange: JudgedVisit, plan: ContentPlan): boolean {
  return findTarget(exchange, plan)?.kind === 'registry'
}
