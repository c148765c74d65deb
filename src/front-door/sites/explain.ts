import type { PathDeclaration } from './site-declaration.ts'

/** Status of one path, for `berth site list`. */
interface PathExplanation {
  /** `up`: serves. `degraded`: serves, but not as it was meant to. `down`: answers 503. */
  readonly state: 'up' | 'degraded' | 'down'
  /** Reason why it is not simply up, a sentence without its full stop; undefined if it is. */
  readonly cause: string | undefined
  /** Remedy. */
  readonly fix: string | undefined
}

const UP: PathExplanation = { state: 'up', cause: undefined, fix: undefined }
const AGAIN = 'Change that and make the container anew; it is seen within a second'

/** Explains the status of a path, with the remedy. */
export function explainPath({ path, target }: PathDeclaration): PathExplanation {
  if (target.kind !== 'upstream') return UP
  const { servers, outage } = target.upstream
  const [broken] = servers.filter(({ problem }) => problem !== undefined)
  const usable = servers.filter(({ problem }) => problem === undefined)
  if (usable.length === 0) {
    if (broken) return { state: 'down', ...splitProblem(broken.problem ?? '') }
    const { cause, fix } = outage ?? {
      cause: `Nothing that answers ${path} runs`,
      fix: 'Start it with "docker start"; it is seen within a second',
    }
    return { state: 'down', cause, fix }
  }
  const sick = usable.filter(({ health }) => health === 'unhealthy' || health === 'starting')
  if (sick.length === usable.length) {
    const [first] = sick
    return {
      state: 'degraded',
      cause: `Nothing that answers ${path} is healthy: ${first?.name} is ${first?.health}`,
      fix: `Look at "docker inspect ${first?.name}" and "docker logs ${first?.name}"; it is asked all the same`,
    }
  }
  return broken ? { state: 'degraded', ...splitProblem(broken.problem ?? '') } : UP
}

/** A problem is the fault, a colon, and the remedy. */
function splitProblem(problem: string): { readonly cause: string; readonly fix: string } {
  const colon = problem.lastIndexOf(': ')
  if (colon < 0) return { cause: problem, fix: AGAIN }
  const fix = problem.slice(colon + 2)
  return { cause: problem.slice(0, colon), fix: fix.charAt(0).toUpperCase() + fix.slice(1) }
}
