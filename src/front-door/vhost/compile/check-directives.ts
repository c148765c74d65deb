import { type CompileContext, close, warnOnce } from '../directives/compile-context.ts'
import type { DirectiveContext, DirectiveEntry } from '../directives/directive-entry.ts'
import { findDirective, findNear, isProtective } from '../directives/directive-table.ts'
import { type Directive, type ParsedFile, parseVhostFile } from '../syntax/parser.ts'
import { reportFault } from './report-fault.ts'

/** Deepest nesting of included files. */
const MAX_INCLUDE_DEPTH = 4
/** Most directives of a host, included files among them: one file has room for some 20,000. */
const MAX_DIRECTIVES = 20_000

/** Place of directives. */
interface Position {
  readonly level: DirectiveContext
  readonly includeDepth: number
}

/**
 * Checks the directives of a file against the table, with `include` replaced by the file's content. Those that close
 * the host or have no effect are noted and left out.
 */
export function checkDirectives(
  parsed: ParsedFile,
  context: CompileContext,
  level: DirectiveContext,
): Directive[] {
  return checkFile(parsed, context, { level, includeDepth: 0 })
}

function checkFile(parsed: ParsedFile, context: CompileContext, position: Position): Directive[] {
  const { file, problem, directives } = parsed
  if (problem) {
    close(context, { file, line: problem.line }, `This cannot be read: ${problem.message}`)
  }
  return checkAll(directives, context, position)
}

function checkAll(
  directives: readonly Directive[],
  context: CompileContext,
  position: Position,
): Directive[] {
  const checked = directives.flatMap((directive) => checkOne(directive, context, position))
  refuseTwice(checked, context)
  return checked
}

function checkOne(directive: Directive, context: CompileContext, position: Position): Directive[] {
  const { name, args, block } = directive
  const entry = findDirective(name)
  if (!entry) {
    reportUnknown(directive, context)
    return []
  }
  if (++context.count.directives > MAX_DIRECTIVES) {
    if (context.count.directives === MAX_DIRECTIVES + 1) {
      close(context, directive, `There are more than ${MAX_DIRECTIVES} directives`)
    }
    return []
  }
  if (entry.support === 'refused') {
    close(context, directive, `"${name}" is not supported, and may protect something: ${entry.note}`)
    return []
  }
  if (entry.support === 'no-op' || entry.support === 'missing') {
    if (entry.class === 'tls' || entry.support === 'missing') warnOnce(context, directive, entry.note)
    return []
  }
  const problem = findProblem(directive, entry, position)
  if (problem !== undefined) {
    reportFault(context, directive, problem)
    return []
  }
  if ('structure' in entry && entry.structure === 'include') return include(directive, context, position)
  if (!block || !entry.block) return args.some(isUnsafe) ? refuseUnsafe(directive, context) : [directive]
  const inside = { ...position, level: entry.block(position.level) }
  return [{ ...directive, block: checkAll(block, context, inside) }]
}

function findProblem(
  { name, args, block }: Directive,
  entry: DirectiveEntry,
  { level }: Position,
): string | undefined {
  const [min, max] = entry.args
  if (!entry.contexts.includes(level)) return `"${name}" cannot stand in ${PLACES[level]}`
  if (args.length < min || args.length > max) {
    return `"${name}" needs ${countInWords(min, max)}, and has ${args.length}`
  }
  if ((entry.block === undefined) !== (block === undefined)) {
    return block ? `"${name}" takes no block` : `"${name}" needs a block in "{ }"`
  }
  return undefined
}

const PLACES: Readonly<Record<DirectiveContext, string>> = {
  server: 'a server, only inside',
  location: 'a location',
  if: 'an "if" outside of a location',
  'location-if': 'an "if"',
  limit_except: '"limit_except"',
}

/** A line break would end a header that the text goes into. */
function isUnsafe(text: string): boolean {
  return /[\0\r\n]/.test(text)
}

function refuseUnsafe(directive: Directive, context: CompileContext): Directive[] {
  // Texts of answers may have several lines.
  if (directive.name === 'return' && !/^3\d\d$/.test(directive.args[0] ?? '')) return [directive]
  close(context, directive, `"${directive.name}" has a line break in it`)
  return []
}

function refuseTwice(directives: readonly Directive[], context: CompileContext): void {
  const seen = new Map<string, Directive>()
  for (const directive of directives) {
    if (!findDirective(directive.name)?.once) continue
    const first = seen.get(directive.name)
    if (first)
      reportFault(context, directive, `"${directive.name}" is here twice: line ${first.line} has it, too`)
    else seen.set(directive.name, directive)
  }
}

function include(directive: Directive, context: CompileContext, position: Position): Directive[] {
  const [path = ''] = directive.args
  const file = context.resolvePath(path)
  const text = file === undefined ? undefined : context.readInclude(file)
  if (file === undefined || text === undefined) {
    close(context, directive, `"include" names what is no file of the vhost folder: ${path}`)
    return []
  }
  if (position.includeDepth >= MAX_INCLUDE_DEPTH) {
    close(context, directive, `"include" goes deeper than ${MAX_INCLUDE_DEPTH} files`)
    return []
  }
  return checkFile(parseVhostFile(text, file), context, {
    ...position,
    includeDepth: position.includeDepth + 1,
  })
}

function reportUnknown(directive: Directive, context: CompileContext): void {
  const { name } = directive
  if (!isProtective(name)) {
    warnOnce(context, directive, 'it is not known and does nothing')
    return
  }
  const near = findNear(name)
  const hint = near === undefined ? '' : `: did you mean "${near}"?`
  close(context, directive, `"${name}" is not known, and may protect something${hint}`)
}

function countInWords(min: number, max: number): string {
  if (min === max) return min === 1 ? 'one word' : `${min} words`
  return max >= 64 ? `${min === 1 ? 'a word' : `${min} words`} or more` : `${min} to ${max} words`
}
