const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/** A request target in its usual form. */
interface OriginForm {
  /** Path and query; `*` for the whole server. */
  readonly target: string
  /** Host and port that stood before them; undefined: none did. */
  readonly targetAuthority: string | undefined
}

/**
 * Takes scheme and host off a target. Some proxies send them, which a server must accept (RFC 9112 section 3.2.2); any
 * other target is unchanged.
 */
export function toOriginForm(url: string): OriginForm {
  if (url.startsWith('/')) return { target: url, targetAuthority: undefined }
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined) return { target: url, targetAuthority: undefined }
  return { target: rest.startsWith('/') ? rest : `/${rest}`, targetAuthority: authority }
}
