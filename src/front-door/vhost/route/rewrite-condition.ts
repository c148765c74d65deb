import { compileRegex } from '../regex/regex.ts'
import { expand, parseTemplate } from '../syntax/template.ts'
import { type RewriteState, readVariable, tryPattern } from './variables.ts'

/** True if a request fulfils the condition of an `if`. */
export type Condition = (state: RewriteState) => boolean

const OPERATORS: ReadonlySet<string> = new Set(['=', '!=', '~', '~*', '!~', '!~*'])

/** Compiles the condition of an `if`. @returns a text with the fault. */
export function compileCondition(args: readonly string[]): Condition | string {
  const words = withoutBrackets(args)
  if (!words) return 'needs a condition in brackets'
  const [name = '', operator, right = '', ...rest] = words
  const [, bare, braced] = /^\$(?:(\w+)|\{(\w+)\})$/.exec(name) ?? []
  const variable = bare ?? braced
  const isUnderstood = operator === undefined || (OPERATORS.has(operator) && words.length === 3)
  if (variable === undefined || !isUnderstood || rest.length > 0) {
    return `has the condition "${words.join(' ')}", which is not understood: tests of files are not`
  }
  if (operator === undefined) return (state) => !['', '0'].includes(readVariable(state, variable))
  if (operator === '=' || operator === '!=') return compare(variable, right, operator === '=')
  const compiled = compileRegex(right, operator.endsWith('*'))
  if ('problem' in compiled) return `cannot be used: ${compiled.problem}`
  const isExpected = !operator.startsWith('!')
  return (state) => tryPattern(state, compiled, readVariable(state, variable)) === isExpected
}

/** Words of a condition that may hold variables: the variable, and the text it is compared to; patterns hold none. */
export function variablesOfCondition(args: readonly string[]): readonly string[] {
  const [name = '', operator = '', value = ''] = args[0] === '(' ? args.slice(1) : args
  return operator === '=' || operator === '!=' ? [name, value] : [name]
}

/** The words between the parentheses, which may or may not be words of their own. */
function withoutBrackets(args: readonly string[]): string[] | undefined {
  const [first = '', ...others] = args
  if (!first.startsWith('(')) return undefined
  const words = first === '(' ? others : [first.slice(1), ...others]
  const last = words.pop()
  if (last === undefined || !last.endsWith(')')) return undefined
  return last === ')' ? words : [...words, last.slice(0, -1)]
}

function compare(variable: string, text: string, isExpected: boolean): Condition {
  const template = parseTemplate(text)
  return (state) =>
    (readVariable(state, variable) === expand(template, (name) => readVariable(state, name))) === isExpected
}
