import { isRepositoryName } from '../oci/repository-name.ts'

/**
 * Repositories by name, in whole segments: `team/app` is one repository, `team/*` those one segment below `team`,
 * `team/**` all below `team`, and never `team` itself; `*` those of one segment, `**` all.
 */
export type RepositoryPattern = string & { readonly __brand: 'RepositoryPattern' }

/** The pattern for all repositories. */
const EVERYWHERE = '**' as RepositoryPattern

/** The pattern of a text; undefined if it is none: stars stand only at the end, in place of whole segments. */
export function parsePattern(text: string): RepositoryPattern | undefined {
  const { place, stars } = splitPattern(text)
  const isPattern = place === '' ? stars !== '' : isRepositoryName(place)
  return isPattern ? (text as RepositoryPattern) : undefined
}

/** The pattern for all repositories below a name. */
export function allBelow(name: string): RepositoryPattern {
  return `${name}/**` as RepositoryPattern
}

/** True if the pattern has the repository. */
export function matchesPattern(pattern: RepositoryPattern, repository: string): boolean {
  const { place, stars } = splitPattern(pattern)
  if (stars === '') return repository === place
  const prefix = place === '' ? '' : `${place}/`
  if (!repository.startsWith(prefix) || repository.length === prefix.length) return false
  return stars === '**' || repository.indexOf('/', prefix.length) === -1
}

/**
 * All patterns that have the repository, the narrowest first: as many as its name has segments, and two. So a look-up
 * of each of them costs the same however many patterns there are.
 */
export function patternsOf(repository: string): RepositoryPattern[] {
  let end = repository.lastIndexOf('/')
  const patterns = [repository, end === -1 ? '*' : `${repository.slice(0, end)}/*`]
  while (end > 0) {
    patterns.push(`${repository.slice(0, end)}/**`)
    end = repository.lastIndexOf('/', end - 1)
  }
  patterns.push(EVERYWHERE)
  return patterns as RepositoryPattern[]
}

/** A pattern as a span of sorted names that has at least all its repositories. */
export function spanOf(pattern: RepositoryPattern): { readonly name: string } | { readonly prefix: string } {
  const { place, stars } = splitPattern(pattern)
  if (stars === '') return { name: place }
  return { prefix: place === '' ? '' : `${place}/` }
}

/** The name before the stars, and the stars. */
function splitPattern(pattern: string): { place: string; stars: '' | '*' | '**' } {
  const at = pattern.lastIndexOf('/')
  const last = pattern.slice(at + 1)
  if (last !== '*' && last !== '**') return { place: pattern, stars: '' }
  // A slash at the begin would be a place without a name.
  return { place: at === -1 ? '' : at === 0 ? '/' : pattern.slice(0, at), stars: last }
}
