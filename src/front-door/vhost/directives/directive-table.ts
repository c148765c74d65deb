import { DIRECTIVES } from './known-directives.ts'

/**
 * What becomes of a directive:
 * - `full`: it does what it does in nginx.
 * - `part`: the note says what of it.
 * - `no-op`: it tunes what is done otherwise here; taken and passed over.
 * - `missing`: visitors or applications would see its effect, which it has not here: a warning says so.
 * - `refused`: it decides who gets what, and cannot be done: it closes the host.
 */
export type Support = 'full' | 'part' | 'no-op' | 'missing' | 'refused'

/** What a directive is about. What is wrong with `access` and `routing` closes the host; with others it only warns. */
export type DirectiveClass = 'access' | 'routing' | 'tuning' | 'tls'

/** Where a directive stands; `if`: in one outside of any location. */
export type DirectiveContext = 'server' | 'location' | 'if' | 'location-if' | 'limit_except'

/** A directive of nginx that is known here. */
export interface DirectiveEntry {
  readonly name: string
  readonly class: DirectiveClass
  readonly support: Support
  /** Words behind the name: least and most. */
  readonly args: readonly [min: number, max: number]
  /** Has a block behind it. */
  readonly block?: true
  readonly contexts: readonly DirectiveContext[]
  /** What an operator must know; empty if there is nothing. */
  readonly note: string
}

const BY_NAME: ReadonlyMap<string, DirectiveEntry> = new Map(DIRECTIVES.map((entry) => [entry.name, entry]))

/** The entry of a directive. */
export function findDirective(name: string): DirectiveEntry | undefined {
  return BY_NAME.get(name)
}

/** Whether what is wrong with a directive closes the host. Unknown ones do if they may protect something. */
export function isProtective(name: string): boolean {
  const entry = BY_NAME.get(name)
  if (entry) return entry.class === 'access' || entry.class === 'routing'
  return DECIDES.test(name) || findNear(name) !== undefined
}

/** Names that may decide who gets what, as far as can be told by their looks. */
const DECIDES =
  /^(?:allow|deny|auth_|limit_|return|rewrite|if|location|internal|ssl_verify|secure_|js_|lua_|access_|perl|valid_ref|geo|map|modsecurity|naxsi|satisfy|server$|upstream$|http$|set_by|session_|oidc|ldap|pam|waf|block|ban|security|jwt|acl|ip_|proxy_ssl_(?:verify|trusted|certificate|crl|name)|(?:\w*_)?(?:pass|by_lua\w*|filter)$)/
/** Shortest name of which a slip of the pen can be told. */
const MIN_NEAR_LENGTH = 4

/** The protective directive that an unknown name is one or two slips of the pen away from, such as `dney`. */
export function findNear(name: string): string | undefined {
  if (name.length < MIN_NEAR_LENGTH || name.length > 64) return undefined
  const most = name.length < 7 ? 1 : 2
  return DIRECTIVES.find(
    (entry) =>
      (entry.class === 'access' || entry.class === 'routing') &&
      Math.abs(entry.name.length - name.length) <= most &&
      countSlips(entry.name, name) <= most,
  )?.name
}

/** Signs to add, take out, change or swap with the next (optimal string alignment). */
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

const WORDS: Readonly<Record<Support, string>> = {
  full: 'yes',
  part: 'in part',
  'no-op': 'taken, does nothing',
  missing: 'no, with a warning',
  refused: 'refused: closes the host',
}

/** The table of docs/front-door.md. */
export function formatDirectiveTable(): string {
  const rows = DIRECTIVES.filter(({ support }) => support !== 'no-op').map(
    ({ name, support, contexts, note }) =>
      `| \`${name}\` | ${WORDS[support]} | ${support === 'refused' ? '' : contexts.join(', ')} | ${note} |`,
  )
  const passedOver = DIRECTIVES.filter(({ support }) => support === 'no-op')
  return [
    '| Directive | Here | Where | |',
    '|---|---|---|---|',
    ...rows,
    '',
    'Taken, and of no effect:',
    '',
    ...passedOver.filter(({ note }) => note !== '').map(({ name, note }) => `- \`${name}\`: ${note}`),
    `- ${passedOver
      .filter(({ note }) => note === '')
      .map(({ name }) => `\`${name}\``)
      .join(', ')}`,
    '',
  ].join('\n')
}
