import { type CompileContext, close, warn } from './compile-context.ts'
import { DIRECTIVE_BY_NAME, mayDecideAccess } from './directive-table.ts'
import { type Directive, type ParsedFile, parseVhostFile } from './parser.ts'

/** Files that include files, at most. */
const MAX_INCLUDE_DEPTH = 4

/**
 * Checks the directives of a file against the table, with what it includes in the place of `include`. Those that close
 * the host or do nothing are noted and left out.
 */
export function checkDirectives(parsed: ParsedFile, context: CompileContext, depth = 0): Directive[] {
  const { file, problem } = parsed
  if (problem) {
    context.problems.push({
      file,
      line: problem.line,
      severity: 'closes',
      message: `This cannot be read: ${problem.message}`,
    })
  }
  return checkAll(parsed.directives, context, depth)
}

function checkAll(directives: readonly Directive[], context: CompileContext, depth: number): Directive[] {
  return directives.flatMap((directive) => checkOne(directive, context, depth))
}

function checkOne(directive: Directive, context: CompileContext, depth: number): Directive[] {
  const { name, args, block } = directive
  if (name === 'include') return include(directive, context, depth)
  const entry = DIRECTIVE_BY_NAME.get(name)
  if (!entry) {
    tellUnknown(directive, context)
    return []
  }
  if (entry.support === 'refused') {
    close(
      context,
      directive,
      `"${name}" is not supported, and may protect something: ${entry.note || 'take it out'}`,
    )
    return []
  }
  if (entry.support === 'no-op') {
    if (entry.note.includes('tls-policy') || name === 'listen') warnOnce(directive, context, entry.note)
    return []
  }
  const [min, max] = entry.args
  if (args.length < min || args.length > max) {
    close(context, directive, `"${name}" needs ${countInWords(min, max)}, and has ${args.length}`)
    return []
  }
  if ((entry.block === true) !== (block !== undefined)) {
    close(context, directive, block ? `"${name}" takes no block` : `"${name}" needs a block in "{ }"`)
    return []
  }
  return [block ? { ...directive, block: checkAll(block, context, depth) } : directive]
}

function include(directive: Directive, context: CompileContext, depth: number): Directive[] {
  const [path = ''] = directive.args
  const file = context.resolvePath(path)
  const text = file === undefined ? undefined : context.readInclude(file)
  if (file === undefined || text === undefined) {
    close(context, directive, `"include" names what is no file of the vhost folder: ${path}`)
    return []
  }
  if (depth >= MAX_INCLUDE_DEPTH) {
    close(context, directive, `"include" goes deeper than ${MAX_INCLUDE_DEPTH} files`)
    return []
  }
  return checkDirectives(parseVhostFile(text, file), context, depth + 1)
}

function tellUnknown(directive: Directive, context: CompileContext): void {
  const { name } = directive
  if (mayDecideAccess(name)) {
    close(context, directive, `"${name}" is not known, and may protect something`)
  } else warnOnce(directive, context, 'it is not known and does nothing')
}

function warnOnce(directive: Directive, context: CompileContext, why: string): void {
  if (context.told.has(directive.name)) return
  context.told.add(directive.name)
  warn(context, directive, `"${directive.name}" has no effect here: ${why}`)
}

function countInWords(min: number, max: number): string {
  if (min === max) return min === 1 ? 'one word' : `${min} words`
  return max >= 64 ? `${min === 1 ? 'a word' : `${min} words`} or more` : `${min} to ${max} words`
}
