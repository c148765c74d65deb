import type { HeaderList } from '../../exchange/answer-head.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { isHopByHop, listedIn } from '../send/request-headers.ts'
import { type RedirectOptions, turnLocation, turnRefresh } from './turn-redirect.ts'

/** Headers of an upstream's answer that nginx hides, unless `proxy_pass_header` names them. */
const HIDDEN: ReadonlySet<string> = new Set([
  'server',
  'x-pad',
  'x-accel-expires',
  'x-accel-redirect',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
])

/** The headers of an upstream's answer to pass on: without those of the hop and the hidden ones, `Location` changed. */
export function responseHeaders(raw: readonly (Buffer | string)[], options: RedirectOptions): HeaderList {
  const { settings } = options
  const list: HeaderList = []
  let named: ReadonlySet<string> | undefined
  for (let index = 0; index < raw.length; index += 2) {
    if (String(raw[index]).toLowerCase() === 'connection')
      named = listedIn(String(raw[index + 1]).toLowerCase())
  }
  for (let index = 0; index < raw.length; index += 2) {
    const name = toText(raw[index] ?? '').toLowerCase()
    if (isHopByHop(name) || named?.has(name) || isHidden(name, settings)) continue
    const value = toText(raw[index + 1] ?? '')
    if (name === 'location') list.push(name, turnLocation(value, options))
    else list.push(name, name === 'refresh' ? turnRefresh(value, options) : value)
  }
  return list
}

function isHidden(name: string, { hideHeaders, passHeaders }: LocationSettings): boolean {
  if (hideHeaders.length > 0 && hideHeaders.includes(name)) return true
  return HIDDEN.has(name) && !passHeaders.includes(name)
}

function toText(raw: Buffer | string): string {
  return typeof raw === 'string' ? raw : raw.toString('latin1')
}
