import type { Pattern } from '../regex/regex.ts'
import type { LocationSettings } from '../settings/settings.ts'
import { escapeArgument, escapeRedirect } from '../syntax/escape-uri.ts'
import { expand, type Template } from '../syntax/template.ts'
import type { Condition } from './rewrite-condition.ts'
import { type RewriteState, readVariable, tryPattern, writeVariable } from './variables.ts'

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
      /** True if the replacement ended in `?`: the arguments of the request are dropped. */
      readonly dropsArgs: boolean
      readonly flag: 'last' | 'break' | 302 | 301 | undefined
    }
  | {
      readonly kind: 'if'
      readonly holds: Condition
      readonly steps: readonly RewriteStep[]
      /** Settings inside of it, which replace the location's. */
      readonly settings: LocationSettings | undefined
    }

/** Result of the steps. `settings`: those of the last `if` that was true; undefined: none was. */
export type RewriteOutcome =
  | { readonly kind: 'go-on'; readonly settings?: LocationSettings }
  /** The steps after it are skipped. */
  | { readonly kind: 'end'; readonly settings?: LocationSettings }
  | {
      readonly kind: 'return'
      readonly status: number
      readonly text: string | undefined
      readonly settings?: LocationSettings
    }
  /** The path became an invalid one. */
  | { readonly kind: 'nowhere'; readonly settings?: LocationSettings }

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** True for a status whose text is the target of a redirect. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/** Runs the steps of a level on a request, changing its state. The last `if` that is true gives the settings. */
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

/** Expands a template; `escapeText` is for captures of a regular expression, which are decoded. */
function read(template: Template, state: RewriteState, escapeText?: (text: string) => string): string {
  return expand(template, (name) => {
    const value = readVariable(state, name)
    return escapeText && /^\d$/.test(name) ? escapeText(value) : value
  })
}
