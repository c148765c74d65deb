import type { Directive } from '../syntax/parser.ts'
import type { DirectiveProblem, Place } from '../syntax/problem.ts'
import type { HttpLevel } from './http-level.ts'

/** Most problems kept of a host: the others show after these are corrected. */
const MAX_PROBLEMS = 100

/** Inputs of compiling a host's files, and the list of problems. */
export interface CompileContext {
  readonly host: string
  readonly httpLevel: HttpLevel
  readonly problems: DirectiveProblem[]
  /** Path of a file named in a vhost file; undefined if it is outside the allowed folders. */
  readonly resolvePath: (path: string) => string | undefined
  /** True if `access_log` can name a file. */
  readonly hasLogFiles: boolean
  /** Text of a file for `include`; undefined if there is none. */
  readonly readInclude: (path: string) => string | undefined
  /** Unknown tuning directives that were reported already: once a host is enough. */
  readonly reported: Set<string>
  /** Number of directives so far, included files among them. */
  readonly count: { directives: number }
}

/** Notes a problem that closes the host. */
export function close(context: CompileContext, { file, line }: Place, message: string): void {
  const { problems } = context
  if (problems.length < MAX_PROBLEMS || problems.every(({ severity }) => severity === 'warns')) {
    problems.push({ file, line, severity: 'closes', message })
  }
}

/** Notes a warning. */
export function warn({ problems }: CompileContext, { file, line }: Place, message: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push({ file, line, severity: 'warns', message })
}

/** Notes that a directive does nothing, once a host. */
export function warnOnce(context: CompileContext, directive: Directive, why: string): void {
  if (context.reported.has(directive.name)) return
  context.reported.add(directive.name)
  warn(context, directive, `"${directive.name}" has no effect here: ${why}`)
}
