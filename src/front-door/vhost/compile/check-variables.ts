import { type CompileContext, close, warn } from '../directives/compile-context.ts'
import { findDirective } from '../directives/directive-table.ts'
import { isKnownVariable, isUnfilledVariable } from '../route/variables.ts'
import type { Directive } from '../syntax/parser.ts'
import { parseTemplate, variablesOf } from '../syntax/template.ts'

/** A `$` that begins no variable; nginx has no way to write it as a character. */
const STRAY = /\$(?!\{\w+\}|\w)/

/** Notes variables that are never set: with one of them nginx would not start. */
export function checkVariables(files: readonly (readonly Directive[])[], context: CompileContext): void {
  const made = new Set(files.flatMap((directives) => variablesMadeBy(directives)))
  for (const directives of files) checkAll(directives, made, context)
}

function variablesMadeBy(directives: readonly Directive[]): string[] {
  return directives.flatMap(({ name, args, block = [] }) => [
    ...(name === 'set' ? [(args[0] ?? '').slice(1)] : []),
    ...(['location', 'rewrite', 'if'].includes(name) ? findGroupNames(args.join(' ')) : []),
    ...variablesMadeBy(block),
  ])
}

/** The named groups of a regular expression. */
function findGroupNames(text: string): string[] {
  return [...text.matchAll(/\(\?P?<(\w+)>/g)].map(([, name = '']) => name)
}

function checkAll(
  directives: readonly Directive[],
  made: ReadonlySet<string>,
  context: CompileContext,
): void {
  for (const directive of directives) {
    const { name, args, block } = directive
    const entry = findDirective(name)
    const words = entry?.variables?.(args) ?? []
    // In a setting an unknown variable leaves a text empty; elsewhere it changes who gets what.
    const note = entry && 'setting' in entry ? warn : close
    if (words.some((word) => STRAY.test(word))) {
      note(context, directive, `"${name}" has a "$" that no variable begins with`)
    }
    const used = words.flatMap((word) => variablesOf(parseTemplate(word)))
    const unfilled = used.find(isUnfilledVariable)
    if (unfilled !== undefined)
      warn(context, directive, `"${name}" has "$${unfilled}", which is always empty here`)
    const unknown = used.find((variable) => !isKnownVariable(variable) && !made.has(variable))
    if (unknown !== undefined) {
      note(context, directive, `"${name}" has "$${unknown}", which is no variable here`)
    }
    if (block) checkAll(block, made, context)
  }
}
