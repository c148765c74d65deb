import type { Directive } from '../syntax/parser.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'

/** A level of a file with those around it. */
interface Level {
  readonly directives: readonly Directive[]
  /** Directives of the levels further out. */
  readonly outer: readonly Directive[]
  /** The location it is the content of. */
  readonly location: Directive | undefined
}

/** Looks for one oddity; undefined: it is not there. */
type Look = (level: Level) => readonly [place: Directive, message: string] | undefined

/** Directives that nginx accepts silently, and that are often mistakes. */
export function findOddities(directives: readonly Directive[]): DirectiveProblem[] {
  return findIn({ directives, outer: [], location: undefined })
}

function findIn(level: Level): DirectiveProblem[] {
  const { directives, outer } = level
  const found = LOOKS.flatMap((look): DirectiveProblem[] => {
    const [place, message] = look(level) ?? []
    if (!place || message === undefined) return []
    return [{ file: place.file, line: place.line, severity: 'warns', message }]
  })
  const inside = directives.flatMap((directive) => {
    const { name, block } = directive
    if (name !== 'location' || !block) return []
    return findIn({ directives: block, outer: [...outer, ...directives], location: directive })
  })
  return [...found, ...inside]
}

/** Headers that an application behind a proxy reads. */
const FORWARDED = /^(?:host|x-(?:forwarded-\w+|real-ip))$/i

const LOOKS: readonly Look[] = [
  (level) => {
    const own = first(level, 'proxy_set_header')
    const mine = new Set(all(level.directives, 'proxy_set_header').map(({ args }) => lower(args[0])))
    const lost = all(level.outer, 'proxy_set_header')
      .map(({ args: [name = ''] }) => name)
      .filter((name) => !mine.has(lower(name)))
    if (!own || lost.length === 0) return undefined
    const forwarded = lost.some((name) => FORWARDED.test(name))
    const hint = forwarded ? '; Host and X-Forwarded-* are then those that Berth sends by itself' : ''
    return [own, `"proxy_set_header" here drops those further out: ${lost.join(', ')}${hint}`]
  },
  (level) => {
    const own = first(level, 'add_header')
    const lost = all(level.outer, 'add_header').map(({ args }) => args[0])
    if (!own || lost.length === 0) return undefined
    return [own, `"add_header" here drops those further out: ${lost.join(', ')}`]
  },
  ({ directives }) => {
    const end = directives.findIndex(({ name }) => name === 'return')
    const steps = new Set(['rewrite', 'return', 'set', 'if', 'break'])
    const behind = end < 0 ? undefined : directives.slice(end + 1).find(({ name }) => steps.has(name))
    return behind && [behind, `"${behind.name}" is never reached: the "return" before it answers`]
  },
  (level) => {
    const answer = first(level, 'return')
    const guard = ['auth_basic', 'deny']
      .map((name) => first(level, name))
      .find((directive) => directive && directive.args[0] !== 'off')
    if (!answer || !guard) return undefined
    return [answer, `"return" answers before "${guard.name}" is looked at`]
  },
  (level) => {
    const answer = level.location ? undefined : first(level, 'return')
    return answer && [answer, '"return" outside of a location answers every request of the host']
  },
  (level) => {
    const file = first(level, 'auth_basic_user_file')
    const hasRealm = [...level.directives, ...level.outer, ...insideOf(level.directives)].some(
      ({ name }) => name === 'auth_basic',
    )
    return file && !hasRealm
      ? [file, '"auth_basic_user_file" without "auth_basic" requires no password']
      : undefined
  },
  (level) => {
    const realm = all(level.directives, 'auth_basic').find(({ args }) => args[0] !== 'off')
    const hasFile = [...level.directives, ...level.outer, ...insideOf(level.directives)].some(
      ({ name }) => name === 'auth_basic_user_file',
    )
    return realm && !hasFile
      ? [
          realm,
          '"auth_basic" without "auth_basic_user_file": every visitor is refused, where nginx would let all in',
        ]
      : undefined
  },
  (level) => {
    const allow = all(level.directives, 'allow').find(({ args }) => args[0] !== 'all')
    return allow && !first(level, 'deny')
      ? [allow, '"allow" without "deny all" after it refuses no visitor']
      : undefined
  },
  ({ directives }) => {
    const rules = directives.filter(({ name }) => name === 'allow' || name === 'deny')
    const end = rules.findIndex(({ args }) => args[0] === 'all')
    const behind = end < 0 ? undefined : rules[end + 1]
    return behind && [behind, `"${behind.name}" is never looked at: "all" stands before it`]
  },
  ({ directives, location }) => {
    const limit = directives.find(({ name }) => name === 'limit_except')
    const inner = limit && location && directives.find(({ name }) => name === 'location')
    return inner && [inner, 'A location inside does not inherit "limit_except"']
  },
  ({ directives, location }) => {
    const alias = directives.find(({ name }) => name === 'alias')
    const path = location?.args.at(-1) ?? ''
    const target = alias?.args[0] ?? ''
    return alias && location?.args.length === 1 && target.endsWith('/') !== path.endsWith('/')
      ? [alias, `"alias ${target}" and "location ${path}" should both end in "/", or neither`]
      : undefined
  },
  ({ directives, location }) => {
    const pass = directives.find(({ name }) => name === 'proxy_pass')
    const path = location?.args.at(-1) ?? ''
    const isDoubled = /^https?:\/\/[^/$]+\/(?:[^$]*\/)?$/.test(pass?.args[0] ?? '') && !path.endsWith('/')
    return pass && isDoubled && location?.args.length === 1
      ? [pass, `"location ${path}" without a "/" at its end makes "//" of what is passed on`]
      : undefined
  },
]

function first({ directives }: Level, directive: string): Directive | undefined {
  return directives.find(({ name }) => name === directive)
}

function all(directives: readonly Directive[], directive: string): readonly Directive[] {
  return directives.filter(({ name }) => name === directive)
}

function insideOf(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap(({ block = [] }) => [...block, ...insideOf(block)])
}

function lower(text: string | undefined): string {
  return (text ?? '').toLowerCase()
}
