import { compileRegex } from './regex.ts'
import { expand, parseTemplate } from './template.ts'
import { type RewriteState, readVariable, tryPattern } from './variables.ts'

/** Whether a request fulfils the condition of an `if`. */
export type Condition = (state: RewriteState) => boolean

const TEST = /^\$(\w+|\{\w+\})(?:\s*(=|!=|~\*|~|!~\*|!~)\s*(.*))?$/s

/** Compiles the condition of an `if`. @returns a text that says what is wrong. */
export function compileCondition(args: readonly string[]): Condition | string {
  const words = args.join(' ').trim()
  if (!words.startsWith('(') || !words.endsWith(')')) return 'needs a condition in brackets'
  const inner = words.slice(1, -1).trim()
  const [, name, operator, right = ''] = TEST.exec(inner) ?? []
  if (name === undefined)
    return `has the condition "${inner}", which is not understood: tests of files are not`
  const variable = name.replace(/^\{|\}$/g, '')
  if (operator === undefined) return (state) => !['', '0'].includes(readVariable(state, variable))
  if (operator === '=' || operator === '!=') return compare(variable, right, operator === '=')
  const compiled = compileRegex(right, operator.endsWith('*'))
  if ('problem' in compiled) return `cannot be used: ${compiled.problem}`
  const isWanted = !operator.startsWith('!')
  return (state) => tryPattern(state, compiled, readVariable(state, variable)) === isWanted
}

function compare(variable: string, text: string, isWanted: boolean): Condition {
  const template = parseTemplate(text)
  return (state) =>
    (readVariable(state, variable) === expand(template, (name) => readVariable(state, name))) === isWanted
}
