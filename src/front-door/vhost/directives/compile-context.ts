import type { Directive } from '../syntax/parser.ts'
import type { DirectiveProblem, Place } from '../syntax/problem.ts'
import type { HttpLevel } from './http-level.ts'

/** Problems kept of a host: whoever mends these sees the next. */
const MAX_PROBLEMS = 100

/** What compiling a host's files needs, and where it puts what is wrong. */
export interface CompileContext {
  readonly host: string
  readonly httpLevel: HttpLevel
  readonly problems: DirectiveProblem[]
  /** Path of a file that a vhost file names; undefined if it lies where none may lie. */
  readonly resolvePath: (path: string) => string | undefined
  /** Whether `access_log` can name a file. */
  readonly hasLogFiles: boolean
  /** Text of a file for `include`; undefined if there is none. */
  readonly readInclude: (path: string) => string | undefined
  /** Unknown tuning directives that were told already: once a host is enough. */
  readonly told: Set<string>
  /** Directives so far, with all that was included. */
  readonly count: { directives: number }
}

/** Notes what closes the host. */
export function close(context: CompileContext, { file, line }: Place, message: string): void {
  const { problems } = context
  if (problems.length < MAX_PROBLEMS || problems.every(({ severity }) => severity === 'warns')) {
    problems.push({ file, line, severity: 'closes', message })
  }
}

/** Notes what is only odd. */
export function warn({ problems }: CompileContext, { file, line }: Place, message: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push({ file, line, severity: 'warns', message })
}

/** Notes that a directive does nothing, once a host. */
export function warnOnce(context: CompileContext, directive: Directive, why: string): void {
  if (context.told.has(directive.name)) return
  context.told.add(directive.name)
  warn(context, directive, `"${directive.name}" has no effect here: ${why}`)
}
