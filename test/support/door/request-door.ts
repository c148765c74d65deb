import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { TestDoor } from './test-door.ts'

/** An answer as a client sees it. */
export interface DoorReply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** Data that the handler of the test got. */
  readonly seen: Record<string, unknown>
}

/** @returns the answer a client of a URL gets; the TLS alert or the error if there is none. */
export async function requestDoor(
  door: TestDoor,
  url: string,
  options: RequestOptions & { sni?: string } = {},
): Promise<DoorReply | string> {
  const { hostname, protocol, pathname, search, host } = new URL(url)
  const isTls = protocol === 'https:'
  const outgoing = (isTls ? httpsRequest : httpRequest)({
    host: '127.0.0.1',
    port: isTls ? door.httpsPort : door.httpPort,
    path: pathname + search,
    agent: false,
    ...(isTls && { servername: options.sni ?? hostname, rejectUnauthorized: false }),
    ...options,
    headers: { host, ...(options.headers as object) },
  })
  outgoing.end()
  try {
    const [response] = await once(outgoing, 'response')
    let text = ''
    for await (const chunk of response) text += chunk
    const isJson = response.headers['content-type'] === 'application/json'
    const seen: Record<string, unknown> = isJson ? JSON.parse(text) : {}
    return { status: response.statusCode, headers: response.headers, text, seen } as DoorReply
  } catch (error) {
    const [, alert] = /alert number (\d+)/.exec(String(error)) ?? []
    return alert === undefined ? String(error) : `alert ${alert}`
  }
}

/** The status, or the error text if there was no answer. */
export function statusOf(reply: DoorReply | string): number | string {
  return typeof reply === 'string' ? reply : reply.status
}
