import { ACCESS_DIRECTIVES } from './access.ts'
import type { DirectiveEntry } from './directive-entry.ts'
import { ERROR_PAGE_DIRECTIVES } from './error-pages.ts'
import { FILE_DIRECTIVES } from './files.ts'
import { GZIP_DIRECTIVES } from './gzip.ts'
import { HEADER_DIRECTIVES } from './headers.ts'
import { LIMIT_DIRECTIVES } from './limits.ts'
import { LOG_DIRECTIVES } from './logs.ts'
import { PASSED_OVER_DIRECTIVES } from './passed-over.ts'
import { PROXY_DIRECTIVES } from './proxy.ts'
import { REFUSED_DIRECTIVES } from './refused.ts'
import { REWRITE_DIRECTIVES } from './rewrite.ts'
import { STRUCTURE_DIRECTIVES } from './structure.ts'
import { TLS_DIRECTIVES } from './tls.ts'
import { VISITOR_DIRECTIVES } from './visitor.ts'

/** All directives known, in the order of the documentation. */
export const DIRECTIVES: readonly DirectiveEntry[] = [
  ...ACCESS_DIRECTIVES,
  ...LIMIT_DIRECTIVES,
  ...VISITOR_DIRECTIVES,
  ...STRUCTURE_DIRECTIVES,
  ...REWRITE_DIRECTIVES,
  ...PROXY_DIRECTIVES,
  ...HEADER_DIRECTIVES,
  ...FILE_DIRECTIVES,
  ...ERROR_PAGE_DIRECTIVES,
  ...GZIP_DIRECTIVES,
  ...LOG_DIRECTIVES,
  ...PASSED_OVER_DIRECTIVES,
  ...TLS_DIRECTIVES,
  ...REFUSED_DIRECTIVES,
]

const BY_NAME: ReadonlyMap<string, DirectiveEntry> = new Map(DIRECTIVES.map((entry) => [entry.name, entry]))

/** The entry of a directive. */
export function findDirective(name: string): DirectiveEntry | undefined {
  return BY_NAME.get(name)
}

/** True if a mistake in a directive closes the host. One in an unknown directive does if it may protect something. */
export function isProtective(name: string): boolean {
  const entry = BY_NAME.get(name)
  if (entry) return decides(entry)
  return DECIDES.test(name) || findNear(name) !== undefined
}

function decides({ class: about }: DirectiveEntry): boolean {
  return about === 'access' || about === 'routing'
}

/** Unknown names that look as if they decide about access or content. */
const DECIDES =
  /^(?:allow|deny|auth_|limit_|return|rewrite|if|location|internal|ssl_verify|secure_|js_|lua_|access_|perl|valid_ref|geo|map|modsecurity|naxsi|satisfy|server$|upstream$|http$|set_by|session_|oidc|ldap|pam|waf|block|ban|security|jwt|acl|ip_|proxy_ssl_(?:verify|trusted|certificate|crl|name)|(?:\w*_)?(?:pass|by_lua\w*|filter)$)/
/** Shortest name that is searched for misspellings. */
const MIN_NEAR_LENGTH = 4

/** The protective directive that an unknown name misspells by one or two characters, such as `dney`. */
export function findNear(name: string): string | undefined {
  if (name.length < MIN_NEAR_LENGTH || name.length > 64) return undefined
  const most = name.length < 7 ? 1 : 2
  return DIRECTIVES.find(
    (entry) =>
      decides(entry) &&
      Math.abs(entry.name.length - name.length) <= most &&
      countSlips(entry.name, name) <= most,
  )?.name
}

/** Characters to add, remove, change or swap with the next (optimal string alignment). */
function countSlips(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const now = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (now[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, (before[column - 2] ?? 0) + 1)
      }
      now.push(least)
    }
    before = last
    last = now
  }
  return last[b.length] ?? 0
}
