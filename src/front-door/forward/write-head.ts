import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { HeaderList } from './response-headers.ts'

/** Writes a flat list of headers; HTTP/2 takes them by name only, and none of the connection's. */
export function writeHead(
  response: ServerResponse | Http2ServerResponse,
  { status, list, isHttp2 }: { status: number; list: HeaderList; isHttp2: boolean },
): void {
  if (response.headersSent || response.destroyed) return
  if (!isHttp2) {
    ;(response as ServerResponse).writeHead(status, list)
    return
  }
  ;(response as Http2ServerResponse).writeHead(status, pairsOf(list))
}

/** A flat list by name. */
export function pairsOf(list: readonly string[]): Record<string, string | string[]> {
  const pairs: Record<string, string | string[]> = {}
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index] ?? ''
    const value = list[index + 1] ?? ''
    const before = pairs[name]
    pairs[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return pairs
}

/** The length of the body that a flat list tells; undefined: none. */
export function lengthOf(list: readonly string[]): number | undefined {
  const index = list.findIndex((text, at) => at % 2 === 0 && text === 'content-length')
  return index < 0 ? undefined : Number(list[index + 1])
}
