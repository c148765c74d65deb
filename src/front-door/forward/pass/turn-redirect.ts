import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { encodeHeader } from '../../vhost/syntax/byte-text.ts'
import { expand } from '../../vhost/syntax/template.ts'

/** Prefixes for the change of an upstream's `Location` into ours. */
export interface RedirectFacts {
  /** Forms of the location's address there, such as `http://app:8080/`. */
  readonly from: readonly string[]
  /** The path of it here. */
  readonly to: string
}

/** Options of the change. */
export interface RedirectOptions {
  readonly settings: LocationSettings
  /** Called only for a value that may have to change. */
  readonly redirect: () => RedirectFacts | undefined
  readonly variable: (name: string) => string
}

/** nginx's `proxy_redirect`, for the value of `Location`. */
export function turnLocation(value: string, options: RedirectOptions): string {
  const turned = turn(value, options)
  return turned === value ? value : stayHere(turned)
}

/** The same for `Refresh`: `5; url=http://app:8080/next`. */
export function turnRefresh(value: string, options: RedirectOptions): string {
  const start = value.toLowerCase().indexOf('url=')
  if (start < 0) return value
  const at = start + 'url='.length
  return value.slice(0, at) + turnLocation(value.slice(at), options)
}

/**
 * A path that begins with two slashes would lead to another host unless it is made absolute, as nginx does; after a dot
 * it means the same path of this one.
 */
export function stayHere(location: string): string {
  return /^\/[/\\]/.test(location) ? `/.${location}` : location
}

function turn(value: string, { settings, redirect, variable }: RedirectOptions): string {
  const { proxyRedirect } = settings
  if (proxyRedirect === 'off') return value
  if (proxyRedirect === 'default') {
    const facts = redirect()
    const from = facts?.from.find((prefix) => value.startsWith(prefix))
    return facts && from !== undefined ? facts.to + value.slice(from.length) : value
  }
  const pair = proxyRedirect.find(({ from }) => value.startsWith(from))
  return pair ? encodeHeader(expand(pair.to, variable)) + value.slice(pair.from.length) : value
}
