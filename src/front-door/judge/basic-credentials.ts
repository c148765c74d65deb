/** Reads user and password of an `Authorization` header (RFC 7617); undefined if it has none. */
export function readBasic(header: string | undefined): { user: string; password: string } | undefined {
  const [, text] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '') ?? []
  if (text === undefined) return undefined
  const decoded = Buffer.from(text, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}
