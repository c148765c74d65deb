import type { OutgoingHttpHeaders } from 'node:http'

/** The `Link` to the page that follows, relative to the host (RFC 8288); none after the last page. */
export function nextPageLink(
  path: string,
  last: string | undefined,
  parameters: Readonly<Record<string, string>>,
): OutgoingHttpHeaders {
  if (last === undefined) return {}
  const query = new URLSearchParams({ ...parameters, last })
  return { link: `<${path}?${query}>; rel="next"` }
}
