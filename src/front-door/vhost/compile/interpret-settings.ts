import type { CompileContext } from '../directives/compile-context.ts'
import type { SettingsLevel } from '../directives/directive-entry.ts'
import { findDirective } from '../directives/directive-table.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import { reportFault } from './report-fault.ts'

/** The settings of a level: the inherited ones, changed by its directives. Other directives are left alone. */
export function interpretSettings(
  inherited: LocationSettings,
  directives: readonly Directive[],
  context: CompileContext,
): LocationSettings {
  const level: SettingsLevel = {
    draft: { ...inherited },
    context,
    own: new Set(),
    inside: (outer, block) => interpretSettings(outer, block, context),
  }
  readAll(level, directives, { isLast: false })
  fillIn(level)
  readAll(level, directives, { isLast: true })
  return level.draft
}

function readAll(
  level: SettingsLevel,
  directives: readonly Directive[],
  { isLast }: { isLast: boolean },
): void {
  for (const directive of directives) {
    const entry = findDirective(directive.name)
    if (!entry || !('setting' in entry) || (entry.isLast ?? false) !== isLast) continue
    const problem = entry.setting(level, directive)
    if (problem !== undefined) reportFault(level.context, directive, `"${directive.name}" ${problem}`)
  }
}

/** Puts settings that only count beside others into those: statuses of limits, types and length of gzip. */
function fillIn({ draft }: SettingsLevel): void {
  const { requestRateStatus, connectionLimitStatus, gzipTypes, gzipMinLengthBytes } = draft.latent
  draft.requestRates = draft.requestRates.map((rate) => ({ ...rate, status: requestRateStatus }))
  draft.connectionLimits = draft.connectionLimits.map((limit) => ({
    ...limit,
    status: connectionLimitStatus,
  }))
  draft.gzip = draft.gzip && { types: gzipTypes, minLengthBytes: gzipMinLengthBytes }
}
