import type { ContainerFacts } from './container-facts.ts'

/** Reason why a path has no server, and the remedy. */
export interface Outage {
  readonly cause: string
  readonly fix: string
}

/** Exit codes of processes that a signal ended. */
const SIGNALS: Readonly<Record<number, string>> = { 137: 'killed', 143: 'ended by SIGTERM' }

/** Reason why none of some containers serves, by the first: it is the newest one. */
export function describeOutage(containers: readonly ContainerFacts[]): Outage {
  const [first, ...others] = containers
  if (!first) return { cause: 'No container declares it', fix: 'Start one' }
  const { name, state } = first
  const rest = others.length > 0 ? ` (and ${others.length} more of its containers do not run)` : ''
  switch (state) {
    case 'paused':
      return { cause: `${name} is paused${rest}`, fix: `Let it go on with "docker unpause ${name}"` }
    case 'restarting':
      return {
        cause: `${name} ends again and again (${howItEnded(first)})${rest}`,
        fix: `Look at "docker logs ${name}"`,
      }
    case 'created':
      return { cause: `${name} was never started${rest}`, fix: `Start it with "docker start ${name}"` }
    default:
      return {
        cause: `${name} is stopped (${howItEnded(first)})${rest}`,
        fix: `Start it with "docker start ${name}", or give the host up with "docker rm ${name}"`,
      }
  }
}

function howItEnded({ exitCode, isOutOfMemory }: ContainerFacts): string {
  if (exitCode === undefined) return 'exit code unknown'
  const why = isOutOfMemory ? 'out of memory' : SIGNALS[exitCode]
  return `exit code ${exitCode}${why === undefined ? '' : `, ${why}`}`
}
