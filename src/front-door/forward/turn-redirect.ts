import type { LocationSettings } from '../vhost/settings/settings.ts'
import { headerOfText } from '../vhost/syntax/byte-text.ts'
import { expand } from '../vhost/syntax/template.ts'

/** Where an upstream's `Location` is turned into ours. */
export interface RedirectFacts {
  /** Ways to write what the location stands for there, such as `http://app:8080/`. */
  readonly from: readonly string[]
  /** The path it stands for here. */
  readonly to: string
}

/** What turning needs. */
export interface RedirectOptions {
  readonly settings: LocationSettings
  /** Asked only where there is something to turn. */
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
 * A path that begins with two slashes would lead to another host where it is not made absolute, as nginx does; behind
 * a dot it means the same path of this one.
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
  return pair ? headerOfText(expand(pair.to, variable)) + value.slice(pair.from.length) : value
}
