import { type CompileContext, close } from './compile-context.ts'
import { interpretSettings, isSetting } from './interpret-settings.ts'
import type { Directive } from './parser.ts'
import { compileRegex, matchRegex } from './regex.ts'
import type { LocationSettings, Template } from './settings.ts'
import { expand, parseTemplate } from './template.ts'
import { type RewriteState, readVariable } from './variables.ts'

/** One step of nginx's rewrite module, in the order of the file. */
export type RewriteStep =
  | { readonly kind: 'set'; readonly name: string; readonly value: Template }
  | { readonly kind: 'break' }
  | { readonly kind: 'return'; readonly status: number; readonly text: Template | undefined }
  | {
      readonly kind: 'rewrite'
      readonly regex: RegExp
      readonly replacement: Template
      /** The replacement ended in `?`: the arguments of the request are dropped. */
      readonly dropsArgs: boolean
      readonly flag: 'last' | 'break' | 302 | 301 | undefined
    }
  | {
      readonly kind: 'if'
      readonly holds: (state: RewriteState) => boolean
      readonly steps: readonly RewriteStep[]
      /** Settings inside of it, which count in place of the location's. */
      readonly settings: LocationSettings | undefined
    }

/** What the steps came to. */
export type RewriteOutcome =
  | { readonly kind: 'go-on'; readonly settings?: LocationSettings }
  /** A location is looked for again if the path changed. */
  | { readonly kind: 'last'; readonly settings?: LocationSettings }
  /** The path may have changed, but this location answers. */
  | { readonly kind: 'break'; readonly settings?: LocationSettings }
  | { readonly kind: 'return'; readonly status: number; readonly text: string | undefined }

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** True for a status whose text is the place to go to. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/** The steps of a level. What else it holds is left to others. */
export function compileSteps(
  directives: readonly Directive[],
  settings: LocationSettings,
  context: CompileContext,
): RewriteStep[] {
  return directives.flatMap((directive) => {
    const step = compileStep(directive, settings, context)
    if (typeof step !== 'string') return step ? [step] : []
    close(context, directive, `"${directive.name}" ${step}`)
    return []
  })
}

/** @returns a text that says what is wrong; undefined for a directive that is no step. */
function compileStep(
  directive: Directive,
  settings: LocationSettings,
  context: CompileContext,
): RewriteStep | string | undefined {
  switch (directive.name) {
    case 'set':
      return compileSet(directive)
    case 'break':
      return { kind: 'break' }
    case 'return':
      return compileReturn(directive)
    case 'rewrite':
      return compileRewrite(directive)
    case 'if':
      return compileIf(directive, settings, context)
    default:
      return undefined
  }
}

function compileSet({ args: [name = '', value = ''] }: Directive): RewriteStep | string {
  const [, bare] = /^\$(\w+)$/.exec(name) ?? []
  return bare === undefined
    ? 'needs a variable such as $name'
    : { kind: 'set', name: bare, value: parseTemplate(value) }
}

function compileReturn({ args: [first = '', text] }: Directive): RewriteStep | string {
  if (/^\d{3}$/.test(first)) {
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
  const isAbsolute = /^(?:https?:\/\/|\$scheme)/.test(text)
  return {
    kind: 'rewrite',
    regex: compiled.regex,
    replacement: parseTemplate(text),
    dropsArgs,
    flag: isAbsolute && flag !== 301 ? 302 : flag,
  }
}

function compileIf(
  directive: Directive,
  settings: LocationSettings,
  context: CompileContext,
): RewriteStep | string | undefined {
  const holds = compileCondition(directive.args)
  if (typeof holds === 'string') return holds
  const block = directive.block ?? []
  const allowed = new Set([
    'set',
    'break',
    'return',
    'rewrite',
    'add_header',
    'limit_rate',
    'access_log',
    'expires',
  ])
  const foreign = block.find(({ name }) => !allowed.has(name))
  if (foreign) close(context, foreign, `"${foreign.name}" is not understood inside if`)
  const own = block.filter(({ name }) => isSetting(name))
  return {
    kind: 'if',
    holds,
    steps: compileSteps(block, settings, context),
    settings: own.length > 0 ? interpretSettings(settings, own, context) : undefined,
  }
}

/** @returns a text that says what is wrong. */
function compileCondition(args: readonly string[]): ((state: RewriteState) => boolean) | string {
  const words = args.join(' ').trim()
  if (!words.startsWith('(') || !words.endsWith(')')) return 'needs a condition in brackets'
  const inner = words.slice(1, -1).trim()
  const [, name, operator, right] = /^\$(\w+|\{\w+\})(?:\s*(=|!=|~\*|~|!~\*|!~)\s*(.*))?$/s.exec(inner) ?? []
  if (name === undefined)
    return `has the condition "${inner}", which is not understood: tests of files are not`
  const variable = name.replace(/^\{|\}$/g, '')
  if (operator === undefined || right === undefined) {
    return (state) => !['', '0'].includes(readVariable(state, variable))
  }
  const text = /^(["'])(.*)\1$/s.exec(right)?.[2] ?? right
  if (operator === '=' || operator === '!=') {
    const template = parseTemplate(text)
    const isWanted = operator === '='
    return (state) =>
      (readVariable(state, variable) === expand(template, (part) => readVariable(state, part))) === isWanted
  }
  const compiled = compileRegex(text, operator.endsWith('*'))
  if ('problem' in compiled) return `cannot be used: ${compiled.problem}`
  const isWanted = !operator.startsWith('!')
  return (state) => {
    const match = matchRegex(compiled.regex, readVariable(state, variable))
    if (match && isWanted) state.captures = match
    return (match !== null) === isWanted
  }
}

/** Runs the steps of a level on a request, changing its state. */
export function runSteps(steps: readonly RewriteStep[], state: RewriteState): RewriteOutcome {
  let settings: LocationSettings | undefined
  for (const step of steps) {
    const outcome = runStep(step, state)
    if (outcome.kind === 'return') return outcome
    settings = outcome.settings ?? settings
    if (outcome.kind !== 'go-on') return settings ? { ...outcome, settings } : outcome
  }
  return settings ? { kind: 'go-on', settings } : GO_ON
}

const GO_ON: RewriteOutcome = { kind: 'go-on' }

function runStep(step: RewriteStep, state: RewriteState): RewriteOutcome {
  const variable = (name: string): string => readVariable(state, name)
  switch (step.kind) {
    case 'set':
      state.values ??= new Map()
      state.values.set(step.name, expand(step.value, variable))
      return GO_ON
    case 'break':
      return { kind: 'break' }
    case 'return':
      return { kind: 'return', status: step.status, text: step.text && expand(step.text, variable) }
    case 'rewrite':
      return runRewrite(step, state)
    case 'if': {
      if (!step.holds(state)) return GO_ON
      const outcome = runSteps(step.steps, state)
      if (outcome.kind === 'return') return outcome
      return step.settings && !outcome.settings ? { ...outcome, settings: step.settings } : outcome
    }
    default:
      return step satisfies never
  }
}

function runRewrite(step: Extract<RewriteStep, { kind: 'rewrite' }>, state: RewriteState): RewriteOutcome {
  const match = matchRegex(step.regex, state.uri)
  if (!match) return GO_ON
  state.captures = match
  const text = expand(step.replacement, (name) => readVariable(state, name))
  const question = text.indexOf('?')
  const path = question < 0 ? text : text.slice(0, question)
  const own = question < 0 ? '' : text.slice(question + 1)
  const args = step.dropsArgs ? own : [own, state.args].filter((part) => part !== '').join('&')
  if (step.flag === 301 || step.flag === 302) {
    return { kind: 'return', status: step.flag, text: args === '' ? path : `${path}?${args}` }
  }
  state.uri = path
  state.args = args
  state.isRewritten = true
  return step.flag === undefined ? GO_ON : { kind: step.flag }
}
