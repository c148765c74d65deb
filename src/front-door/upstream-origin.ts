import type { RedirectFacts } from './forward/response-headers.ts'
import type { PathDeclaration, UpstreamDeclaration, UpstreamServer } from './site-declaration.ts'
import type { ContentPlan } from './site-exchange.ts'

/** The upstream that an origin of `proxy_pass` stands for. */
export function declareOrigin(origin: string): UpstreamDeclaration | undefined {
  const url = URL.parse(origin)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
  const protocol = url.protocol === 'https:' ? 'https' : 'http'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (protocol === 'https' ? 443 : 80))
  const server: UpstreamServer = { host, port, name: origin, health: 'unknown', problem: undefined }
  return { name: origin, protocol, servers: [server], balance: 'round-robin', keepAlive: 2 }
}

/** Scheme, host and port of a server. */
export function originOf({ protocol }: UpstreamDeclaration, { host, port }: UpstreamServer): string {
  const scheme = protocol === 'https' || protocol === 'grpcs' ? 'https' : 'http'
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What `proxy_redirect default` turns: the upstream's own address into the path of the location. */
export function redirectFacts({
  plan,
  upstream,
  path,
}: {
  plan: Pick<ContentPlan, 'content' | 'redirect'>
  upstream: UpstreamDeclaration
  path: PathDeclaration | undefined
}): RedirectFacts | undefined {
  if (plan.content.kind === 'proxy') return plan.redirect
  const [server] = upstream.servers
  if (!server) return undefined
  const origin = originOf(upstream, server).replace(/:(?:80|443)$/, '')
  const destination = path?.destination ?? ''
  return destination === ''
    ? { from: `${origin}/`, to: '/' }
    : { from: `${origin}${destination}`, to: path?.path ?? '/' }
}
