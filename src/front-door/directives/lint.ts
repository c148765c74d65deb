import { compileServer } from './compile-server.ts'
import { type Directive, parseVhostFile } from './parser.ts'
import type { DirectiveProblem } from './settings.ts'

/** Headers that an application behind us looks for. */
const FORWARDED = /^x-(?:forwarded-|real-ip$)/i

/** What is wrong or odd in a vhost file, for `berth site check`. Zones of limits are taken as there. */
export function lintVhostFile(text: string, file: string): DirectiveProblem[] {
  const { problems } = compileServer({
    host: 'checked.invalid',
    isRegistry: false,
    serverFile: { file, text },
    locations: [],
    // Whether such files are there is told where the host is served.
    resolvePath: (path) => path,
    readInclude: () => '',
  })
  const oddities = findOddities(parseVhostFile(text, file).directives, [])
  return [...problems.filter(({ message }) => !message.includes('in conf.d makes')), ...oddities].sort(
    (a, b) => a.line - b.line,
  )
}

/** What nginx takes, and often is not meant. */
function findOddities(directives: readonly Directive[], outer: readonly Directive[]): DirectiveProblem[] {
  const problems: DirectiveProblem[] = []
  const tell = ({ file, line }: Directive, message: string): void => {
    problems.push({ file, line, severity: 'warns', message })
  }
  const own = directives.find(({ name }) => name === 'proxy_set_header')
  const lost = outer.filter(({ name, args }) => name === 'proxy_set_header' && FORWARDED.test(args[0] ?? ''))
  if (own && lost.length > 0) {
    tell(
      own,
      `"proxy_set_header" here drops those further out: ${lost.map(({ args }) => args[0]).join(', ')}`,
    )
  }
  const added = directives.find(({ name }) => name === 'add_header')
  if (added && outer.some(({ name }) => name === 'add_header')) {
    tell(added, '"add_header" here drops those further out')
  }
  const end = directives.findIndex(({ name }) => name === 'return')
  const behind =
    end < 0
      ? undefined
      : directives.slice(end + 1).find(({ name }) => name === 'rewrite' || name === 'return')
  if (behind) tell(behind, `"${behind.name}" is never reached: the "return" before it answers`)
  if (end >= 0 && directives.some(({ name }) => name === 'auth_basic' || name === 'deny')) {
    const answer = directives[end]
    if (answer) tell(answer, '"return" answers before a password or an address is looked at')
  }
  const hasRealm = [...directives, ...outer].some(({ name }) => name === 'auth_basic')
  const file = directives.find(({ name }) => name === 'auth_basic_user_file')
  if (file && !hasRealm) tell(file, '"auth_basic_user_file" without "auth_basic" asks for no password')
  for (const { name, block } of directives) {
    if (block && name === 'location') problems.push(...findOddities(block, [...outer, ...directives]))
  }
  return problems
}
