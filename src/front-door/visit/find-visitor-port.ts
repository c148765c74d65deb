import type { IncomingHttpHeaders } from 'node:http'
import { parseAuthority } from './address/host-name.ts'

/** Ports of visitors by scheme, where they are configured. */
interface ExternalPorts {
  readonly externalHttpPort?: number | undefined
  readonly externalHttpsPort?: number | undefined
}

const USUAL = { http: 80, https: 443 } as const

/**
 * The port that visitors came to. Scheme and host of a trusted proxy's headers count first: the port of the host as
 * visitors see it, else the configured one of their scheme, else its usual one. A port that it names itself is passed
 * on unchanged, elsewhere. `own` is the host's, `door` the default.
 * @returns undefined if the port is the one listened on.
 */
export function findVisitorPort(
  headers: IncomingHttpHeaders,
  reached: { scheme: 'http' | 'https'; isPeerTrusted: boolean; own: ExternalPorts; door: ExternalPorts },
): number | undefined {
  const { own, door, scheme, isPeerTrusted } = reached
  const external = {
    http: own.externalHttpPort ?? door.externalHttpPort,
    https: own.externalHttpsPort ?? door.externalHttpsPort,
  }
  const forwardedScheme = isPeerTrusted ? firstOf(headers['x-forwarded-proto'])?.toLowerCase() : undefined
  const host = isPeerTrusted ? firstOf(headers['x-forwarded-host']) : undefined
  const port = parsePort(host ?? headers.host)
  if (forwardedScheme === 'http' || forwardedScheme === 'https')
    return port ?? external[forwardedScheme] ?? USUAL[forwardedScheme]
  return (host === undefined ? undefined : port) ?? external[scheme]
}

function parsePort(authority: string | undefined): number | undefined {
  return authority === undefined ? undefined : parseAuthority(authority)?.port
}

/** Of several proxies the first is the one that visitors came to. */
function firstOf(value: string | string[] | undefined): string | undefined {
  const [first = ''] = (Array.isArray(value) ? value.join() : (value ?? '')).split(',')
  return first.trim() === '' ? undefined : first.trim()
}
