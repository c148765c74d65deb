import { compileRegex } from '../regex/regex.ts'
import { compileCondition, variablesOfCondition } from '../route/rewrite-condition.ts'
import type { RewriteStep } from '../route/rewrite-steps.ts'
import { isFixedVariable } from '../route/variables.ts'
import type { Directive } from '../syntax/parser.ts'
import { parseTemplate } from '../syntax/template.ts'
import {
  ANY,
  allWords,
  type DirectiveEntry,
  defineDirectives,
  REWRITE,
  type StepLevel,
} from './directive-entry.ts'

/** Directives of nginx's rewrite module. */
export const REWRITE_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'if',
    class: 'routing',
    support: 'part',
    args: ANY,
    note: 'variables, =, !=, ~, ~*, !~ and !~*; inside: return, rewrite, set, break, and in a location add_header, expires, limit_rate and gzip',
    block: (outer) => (outer === 'server' ? 'if' : 'location-if'),
    variables: variablesOfCondition,
    step: compileIf,
  },
  {
    name: 'return',
    class: 'routing',
    args: [1, 2],
    contexts: REWRITE,
    note: 'ends the processing: no password is required',
    variables: allWords,
    step: compileReturn,
  },
  {
    name: 'rewrite',
    class: 'routing',
    args: [2, 3],
    contexts: REWRITE,
    note: 'regular expressions of PCRE but for atomic groups, possessive repetitions, classes such as [[:alpha:]] and inline flags',
    variables: (args) => args.slice(1, 2),
    step: compileRewrite,
  },
  {
    name: 'set',
    class: 'routing',
    args: 2,
    contexts: REWRITE,
    variables: (args) => args.slice(1),
    step: compileSet,
  },
  { name: 'break', class: 'routing', args: 0, contexts: REWRITE, step: () => ({ kind: 'break' }) },
])

function compileSet({ args: [name = '', value = ''] }: Directive): RewriteStep | string {
  const [, bare] = /^\$(\w+)$/.exec(name) ?? []
  if (bare === undefined) return 'needs a variable such as $name'
  if (isFixedVariable(bare)) return `cannot change "$${bare}"`
  return { kind: 'set', name: bare, value: parseTemplate(value) }
}

function compileReturn({ args: [first = '', text] }: Directive): RewriteStep | string {
  if (/^\d{1,3}$/.test(first)) {
    return {
      kind: 'return',
      status: Number(first),
      text: text === undefined ? undefined : parseTemplate(text),
    }
  }
  if (text !== undefined || !/^(?:https?:\/\/|\$)/.test(first)) return 'needs a status, or a URL alone'
  return { kind: 'return', status: 302, text: parseTemplate(first) }
}

const FLAGS: Readonly<Record<string, 'last' | 'break' | 302 | 301>> = {
  last: 'last',
  break: 'break',
  redirect: 302,
  permanent: 301,
}

function compileRewrite({ args: [pattern = '', replacement = '', word] }: Directive): RewriteStep | string {
  const compiled = compileRegex(pattern, false)
  if ('problem' in compiled) return `cannot be used: ${compiled.problem}`
  const flag = word === undefined ? undefined : FLAGS[word]
  if (word !== undefined && flag === undefined)
    return `has the flag "${word}"; last, break, redirect and permanent are known`
  const dropsArgs = replacement.endsWith('?')
  const text = dropsArgs ? replacement.slice(0, -1) : replacement
  const question = text.indexOf('?')
  const isAbsolute = /^(?:https?:\/\/|\$scheme)/.test(text)
  return {
    kind: 'rewrite',
    pattern: compiled,
    path: parseTemplate(question < 0 ? text : text.slice(0, question)),
    args: question < 0 ? undefined : parseTemplate(text.slice(question + 1)),
    dropsArgs,
    flag: isAbsolute && flag !== 301 ? 302 : flag,
  }
}

function compileIf(directive: Directive, level: StepLevel): RewriteStep | string {
  const holds = compileCondition(directive.args)
  if (typeof holds === 'string') return holds
  return { kind: 'if', holds, ...level.inside(directive.block ?? []) }
}
