import { headerOfText, textOfHeader } from '../byte-text.ts'
import type { AddedHeader, LocationSettings } from '../directives/settings.ts'
import { expand } from '../directives/template.ts'
import { isHopByHop, listedIn } from './request-headers.ts'
import { type RedirectOptions, turnLocation, turnRefresh } from './turn-redirect.ts'

/** What nginx keeps to itself of an upstream's answer, unless `proxy_pass_header` says otherwise. */
const HIDDEN: ReadonlySet<string> = new Set([
  'server',
  'x-pad',
  'x-accel-expires',
  'x-accel-redirect',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
])
/** Statuses on which a header without `always` is added. */
const ADDED_ON: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])

export const HSTS = 'strict-transport-security'

/** Headers as a flat list. */
export type HeaderList = string[]

/**
 * The headers of an upstream's answer as they are passed on: without those of the hop and the hidden ones, `Location`
 * turned.
 */
export function responseHeaders(raw: readonly (Buffer | string)[], options: RedirectOptions): HeaderList {
  const { settings } = options
  const list: HeaderList = []
  let named: ReadonlySet<string> | undefined
  for (let index = 0; index < raw.length; index += 2) {
    if (String(raw[index]).toLowerCase() === 'connection')
      named = listedIn(String(raw[index + 1]).toLowerCase())
  }
  for (let index = 0; index < raw.length; index += 2) {
    const name = textOf(raw[index] ?? '').toLowerCase()
    if (isHopByHop(name) || named?.has(name) || isHidden(name, settings)) continue
    const value = textOf(raw[index + 1] ?? '')
    if (name === 'location') list.push(name, turnLocation(value, options))
    else list.push(name, name === 'refresh' ? turnRefresh(value, options) : value)
  }
  return list
}

/** `add_header` for a status, with HSTS beside it, which no level of a vhost file can lose. */
export function addedHeaders(
  status: number,
  options: {
    headers: readonly AddedHeader[]
    hsts: string | undefined
    isTls: boolean
    variable: (name: string) => string
  },
): HeaderList {
  const list: HeaderList = []
  const { headers, hsts, isTls, variable } = options
  const hasHsts = isTls && hsts !== undefined
  for (const { name, value, always } of headers) {
    if (!always && !ADDED_ON.has(status)) continue
    // Of several a browser heeds the first (RFC 6797 section 8.1): there is one, and it is the host's own.
    if (hasHsts && name.toLowerCase() === HSTS) continue
    const text = headerOfText(expand(value, variable))
    if (text !== '') list.push(name, text)
  }
  if (hasHsts) list.push(HSTS, hsts)
  return list
}

function isHidden(name: string, { hideHeaders, passHeaders }: LocationSettings): boolean {
  if (hideHeaders.length > 0 && hideHeaders.includes(name)) return true
  return HIDDEN.has(name) && !passHeaders.includes(name)
}

function textOf(raw: Buffer | string): string {
  return typeof raw === 'string' ? raw : raw.toString('latin1')
}

/** `$upstream_http_…` and its like, from the answer's own headers. */
export function upstreamVariable(raw: readonly (Buffer | string)[], name: string): string | undefined {
  const [, wanted] = /^(?:upstream|sent)_http_(\w+)$/.exec(name) ?? []
  if (wanted === undefined) return undefined
  for (let index = 0; index < raw.length; index += 2) {
    if (String(raw[index]).toLowerCase().replaceAll('-', '_') === wanted)
      return textOfHeader(textOf(raw[index + 1] ?? ''))
  }
  return ''
}
