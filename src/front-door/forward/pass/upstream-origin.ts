import type { ContentPlan } from '../../exchange/site-exchange.ts'
import type { UpstreamDeclaration, UpstreamServer } from '../../sites/site-declaration.ts'
import type { RedirectFacts } from './turn-redirect.ts'

/** The upstream for an origin of `proxy_pass`. */
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
export function formatOrigin({ protocol }: UpstreamDeclaration, { host, port }: UpstreamServer): string {
  return `${toScheme(protocol)}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Prefixes that `proxy_redirect default` changes: the address of the server that answered, and its names, since an
 * application that is unaware of TLS before it answers with `http://` and the host of its request.
 */
export function redirectFacts(
  { redirect, content }: Pick<ContentPlan, 'content' | 'redirect'>,
  answering: { upstream: UpstreamDeclaration; server: UpstreamServer; host: string; authority: string },
): RedirectFacts | undefined {
  if (!redirect) return undefined
  const { from: path, to } = redirect
  if (content.kind === 'proxy') return { from: [path], to }
  const { upstream, server, host, authority } = answering
  const scheme = toScheme(upstream.protocol)
  const origin = formatOrigin(upstream, server)
  const short = origin.replace(scheme === 'https' ? /:443$/ : /:80$/, '')
  const names = [`${scheme}://${host.includes(':') ? `[${host}]` : host}`, `${scheme}://${authority}`]
  return { from: [...names, origin, short].map((each) => each + path), to }
}

function toScheme(protocol: UpstreamDeclaration['protocol']): 'http' | 'https' {
  return protocol === 'https' || protocol === 'grpcs' ? 'https' : 'http'
}
