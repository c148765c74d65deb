import { type CompileContext, close } from '../directives/compile-context.ts'
import { findDirective } from '../directives/directive-table.ts'
import type { RewriteStep } from '../route/rewrite-steps.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import { interpretSettings } from './interpret-settings.ts'

/** The steps of a level. Its other directives are left alone. */
export function compileSteps(
  directives: readonly Directive[],
  settings: LocationSettings,
  context: CompileContext,
): RewriteStep[] {
  const inside = (block: readonly Directive[]): { steps: RewriteStep[]; settings: LocationSettings } => ({
    steps: compileSteps(block, settings, context),
    settings: interpretSettings(settings, block, context),
  })
  return directives.flatMap((directive) => {
    const entry = findDirective(directive.name)
    if (!entry || !('step' in entry)) return []
    const step = entry.step(directive, { inside })
    if (typeof step !== 'string') return [step]
    close(context, directive, `"${directive.name}" ${step}`)
    return []
  })
}
