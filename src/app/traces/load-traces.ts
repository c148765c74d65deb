import type { Config } from '../../config/config.ts'
import type { Tracing, TracingParts } from './open-tracing.ts'

/** The traces of a process that serves; undefined if the settings turn them off: then none of their code is loaded. Errors: `AppError`. */
export async function loadTraces(
  { traces }: Pick<Config, 'traces'>,
  parts: TracingParts,
): Promise<Tracing | undefined> {
  if (traces.endpoint === undefined) return undefined
  const { openTracing } = await import('./open-tracing.ts')
  return openTracing({ ...traces, endpoint: traces.endpoint }, parts)
}
