import { interpretSettings, isSetting } from '../compile/interpret-settings.ts'
import { type CompileContext, close } from '../directives/compile-context.ts'
import { compileRegex, type Pattern } from '../regex/regex.ts'
import type { LocationSettings } from '../settings/settings.ts'
import { escapeArgument, escapeRedirect } from '../syntax/escape-uri.ts'
import type { Directive } from '../syntax/parser.ts'
import { expand, parseTemplate, type Template } from '../syntax/template.ts'
import { type Condition, compileCondition } from './rewrite-condition.ts'
import { isFixedVariable, type RewriteState, readVariable, tryPattern, writeVariable } from './variables.ts'

/** One step of nginx's rewrite module, in the order of the file. */
export type RewriteStep =
  | { readonly kind: 'set'; readonly name: string; readonly value: Template }
  | { readonly kind: 'break' }
  | { readonly kind: 'return'; readonly status: number; readonly text: Template | undefined }
  | {
      readonly kind: 'rewrite'
      readonly pattern: Pattern
      readonly path: Template
      /** Arguments of the replacement; undefined: it has none. */
      readonly args: Template | undefined
      /** The replacement ended in `?`: the arguments of the request are dropped. */
      readonly dropsArgs: boolean
      readonly flag: 'last' | 'break' | 302 | 301 | undefined
    }
  | {
      readonly kind: 'if'
      readonly holds: Condition
      readonly steps: readonly RewriteStep[]
      /** Settings inside of it, which count in place of the location's. */
      readonly settings: LocationSettings | undefined
    }

/** What the steps came to. `settings`: those of the last `if` that held; undefined: none did. */
export type RewriteOutcome =
  | { readonly kind: 'go-on'; readonly settings?: LocationSettings }
  /** No step after it is looked at. */
  | { readonly kind: 'end'; readonly settings?: LocationSettings }
  | {
      readonly kind: 'return'
      readonly status: number
      readonly text: string | undefined
      readonly settings?: LocationSettings
    }
  /** The path became one that is none. */
  | { readonly kind: 'nowhere'; readonly settings?: LocationSettings }

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

/** What `if` may hold; nginx takes more of it inside a location than is understood here. */
const IN_IF: ReadonlySet<string> = new Set([
  'set',
  'break',
  'return',
  'rewrite',
  'add_header',
  'limit_rate',
  'access_log',
  'expires',
  'gzip',
])

function compileIf(
  directive: Directive,
  settings: LocationSettings,
  context: CompileContext,
): RewriteStep | string | undefined {
  const holds = compileCondition(directive.args)
  if (typeof holds === 'string') return holds
  const block = directive.block ?? []
  for (const inner of block) {
    if (!IN_IF.has(inner.name)) close(context, inner, `"${inner.name}" is not understood inside if`)
  }
  const own = block.filter(({ name }) => isSetting(name))
  return {
    kind: 'if',
    holds,
    steps: compileSteps(block, settings, context),
    settings: interpretSettings(settings, own, context),
  }
}

/** Runs the steps of a level on a request, changing its state. The last `if` that holds gives the settings. */
export function runSteps(steps: readonly RewriteStep[], state: RewriteState): RewriteOutcome {
  let settings: LocationSettings | undefined
  for (const step of steps) {
    const outcome = runStep(step, state)
    settings = outcome.settings ?? settings
    if (outcome.kind !== 'go-on') return settings ? { ...outcome, settings } : outcome
  }
  return settings ? { kind: 'go-on', settings } : GO_ON
}

const GO_ON: RewriteOutcome = { kind: 'go-on' }
const END: RewriteOutcome = { kind: 'end' }

function runStep(step: RewriteStep, state: RewriteState): RewriteOutcome {
  switch (step.kind) {
    case 'set':
      writeVariable(state, step.name, read(step.value, state))
      return GO_ON
    case 'break':
      state.isMoved = false
      return END
    case 'return':
      return { kind: 'return', status: step.status, text: step.text && read(step.text, state) }
    case 'rewrite':
      return runRewrite(step, state)
    case 'if': {
      if (!step.holds(state)) return GO_ON
      const outcome = runSteps(step.steps, state)
      return step.settings && !outcome.settings ? { ...outcome, settings: step.settings } : outcome
    }
    default:
      return step satisfies never
  }
}

/** nginx's `ngx_http_script_regex_*_code`. */
function runRewrite(step: Extract<RewriteStep, { kind: 'rewrite' }>, state: RewriteState): RewriteOutcome {
  if (!tryPattern(state, step.pattern, state.uri)) return GO_ON
  const isRedirected = step.flag === 301 || step.flag === 302
  const isEscaped = /[%+]/.test(state.request.requestUri)
  const path = read(step.path, state, isEscaped && isRedirected ? escapeRedirect : undefined)
  const own = step.args && read(step.args, state, isEscaped ? escapeArgument : undefined)
  const args = step.dropsArgs ? (own ?? '') : [own ?? '', state.args].filter((part) => part !== '').join('&')
  if (isRedirected) {
    const text = args === '' ? path : `${path}?${args}`
    return { kind: 'return', status: step.flag === 301 ? 301 : 302, text }
  }
  if (path === '') return { kind: 'nowhere' }
  state.uri = path
  state.args = args
  state.isRewritten = true
  state.isInternal = true
  if (step.flag === 'break') state.isWithinLocation = false
  state.isMoved = step.flag !== 'break'
  return step.flag === undefined ? GO_ON : END
}

/** Fills a template in; `escapeText` is for what a regular expression caught, which is decoded. */
function read(template: Template, state: RewriteState, escapeText?: (text: string) => string): string {
  return expand(template, (name) => {
    const value = readVariable(state, name)
    return escapeText && /^\d$/.test(name) ? escapeText(value) : value
  })
}
