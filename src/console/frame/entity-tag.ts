import { ApiError } from './api-error.ts'
import type { Route } from './route.ts'

/**
 * The entity tag that `If-Match` demands, without quotes; undefined: none, or `*`. One tag only: two versions of one
 * document are not both what a change is based on. Errors: `IF_MATCH_REQUIRED`, `IF_MATCH_INVALID` for a weak tag or a list.
 */
export function readIfMatch({ ifMatch }: Route, header: string | undefined): string | undefined {
  if (ifMatch === undefined) return undefined
  if (header === undefined) {
    if (ifMatch === 'required') throw new ApiError('IF_MATCH_REQUIRED')
    return undefined
  }
  if (header.trim() === '*') return undefined
  const tag = /^"([\x21\x23-\x7e]*)"$/.exec(header.trim())?.[1]
  if (tag === undefined) throw new ApiError('IF_MATCH_INVALID')
  return tag
}

/** True if `If-None-Match` names this tag (RFC 9110, 13.1.2: weak comparison). */
export function isUnchanged(header: string | undefined, etag: string | undefined): boolean {
  if (header === undefined || etag === undefined) return false
  return header.split(',').some((entry) => {
    const tag = entry.trim().replace(/^W\//, '')
    return tag === '*' || tag === `"${etag}"`
  })
}

/** Fails unless a version is the one that `If-Match` demands, if it does. Errors: `CHANGED`. */
export function requireVersion(ifMatch: string | undefined, version: string): void {
  if (ifMatch !== undefined && ifMatch !== version) throw new ApiError('CHANGED')
}
