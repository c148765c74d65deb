import { parseAddress } from './network-address.ts'

/** Addresses of `X-Forwarded-For` read, from the last: a chain of proxies is short, a forged header long. */
const MAX_HOPS = 16
const WITH_PORT = /^(?:\[([0-9a-fA-F:.]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5})$/

/**
 * The sender of a request, by `X-Forwarded-For`: from the peer backwards, the first address that is no trusted proxy.
 * Values of an untrusted proxy do not count, nor those before a text that is no address.
 */
export function findVisitor(
  peer: string,
  forwardedFor: string | readonly string[] | undefined,
  isTrusted: (address: string) => boolean,
): string {
  if (forwardedFor === undefined || !isTrusted(peer)) return peer
  const names = String(forwardedFor).split(',').slice(-MAX_HOPS).reverse()
  let visitor = peer
  for (const name of names) {
    const address = readHop(name.trim())
    if (address === undefined) return visitor
    visitor = address
    if (!isTrusted(address)) return visitor
  }
  return visitor
}

/**
 * The same by a header of any name, as set by `real_ip_header` and its companions; of several addresses the last one
 * counts unless `recursive` is set.
 */
export function findRealAddress(
  peer: string,
  header: string | readonly string[] | undefined,
  { isTrusted, recursive }: { isTrusted: (address: string) => boolean; recursive: boolean },
): string {
  if (recursive || header === undefined || !isTrusted(peer)) return findVisitor(peer, header, isTrusted)
  return readHop(String(header).split(',').at(-1)?.trim() ?? '') ?? peer
}

/** An address as written by a proxy, some of which add ports; undefined: it is none. */
export function readHop(text: string): string | undefined {
  const [, bracketed, dotted] = WITH_PORT.exec(text) ?? []
  return parseAddress(bracketed ?? dotted ?? text)
}
