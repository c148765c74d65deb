import { type RepositoryPattern, spanOf } from './repository-pattern.ts'

/**
 * Repositories as a filter for queries: all, or those of these names or below these prefixes (each ends in a slash; the
 * empty one has all) that `includes` confirms. None lies inside another.
 */
export type RepositoryScope =
  | 'all'
  | {
      readonly names: readonly string[]
      readonly prefixes: readonly string[]
      readonly includes: (name: string) => boolean
    }

/** The scope of patterns that have at least all repositories that `includes` confirms. */
export function scopeOf(
  patterns: readonly RepositoryPattern[],
  includes: (name: string) => boolean,
): RepositoryScope {
  const names = new Set<string>()
  const prefixes = new Set<string>()
  for (const pattern of patterns) {
    const span = spanOf(pattern)
    if ('name' in span) names.add(span.name)
    else prefixes.add(span.prefix)
  }
  const isOutside = (text: string) => !isBelow(text, prefixes)
  return { names: [...names].filter(isOutside), prefixes: [...prefixes].filter(isOutside), includes }
}

/** True if the name or prefix lies below one of the prefixes, and is none of them itself. */
function isBelow(text: string, prefixes: ReadonlySet<string>): boolean {
  if (text !== '' && prefixes.has('')) return true
  for (let end = text.indexOf('/'); end !== -1 && end < text.length - 1; end = text.indexOf('/', end + 1)) {
    if (prefixes.has(text.slice(0, end + 1))) return true
  }
  return false
}
