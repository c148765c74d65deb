import { type CompileContext, close, warn } from '../directives/compile-context.ts'
import { isKnownVariable, isUnfilledVariable } from '../route/variables.ts'
import type { Directive } from '../syntax/parser.ts'
import { parseTemplate, variablesOf } from '../syntax/template.ts'

/** Directives in which an unknown variable changes who gets what, with those of their words that have variables. */
const DECIDING: ReadonlyMap<string, (args: readonly string[]) => readonly string[]> = new Map([
  ['return', (args) => args],
  ['rewrite', (args) => args.slice(1, 2)],
  ['set', (args) => args.slice(1)],
  ['if', wordsOfCondition],
  ['proxy_pass', (args) => args],
  ['root', (args) => args],
  ['alias', (args) => args],
  ['try_files', (args) => args],
])
/** The variable, and what it is compared to; regular expressions have none. */
function wordsOfCondition(args: readonly string[]): readonly string[] {
  const [name = '', operator = '', value = ''] = args[0] === '(' ? args.slice(1) : args
  return operator === '=' || operator === '!=' ? [name, value] : [name]
}

/** Those in which it leaves a text empty. */
const TELLING = new Set(['add_header', 'proxy_set_header', 'proxy_redirect', 'auth_basic'])

/** nginx has no way to write such a sign by itself. */
const STRAY = /\$(?!\{\w+\}|\w)/

/** Notes variables that nothing makes: in nginx none of them would let it start. */
export function checkVariables(files: readonly (readonly Directive[])[], context: CompileContext): void {
  const made = new Set(files.flatMap((directives) => variablesMadeBy(directives)))
  for (const directives of files) checkAll(directives, made, context)
}

function variablesMadeBy(directives: readonly Directive[]): string[] {
  return directives.flatMap(({ name, args, block = [] }) => [
    ...(name === 'set' ? [(args[0] ?? '').slice(1)] : []),
    ...(['location', 'rewrite', 'if'].includes(name) ? groupsOf(args.join(' ')) : []),
    ...variablesMadeBy(block),
  ])
}

/** The named groups of a regular expression. */
function groupsOf(text: string): string[] {
  return [...text.matchAll(/\(\?P?<(\w+)>/g)].map(([, name = '']) => name)
}

function checkAll(
  directives: readonly Directive[],
  made: ReadonlySet<string>,
  context: CompileContext,
): void {
  for (const directive of directives) {
    const { name, args, block } = directive
    const words = DECIDING.get(name)?.(args) ?? (TELLING.has(name) ? args : [])
    const note = DECIDING.has(name) ? close : warn
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
