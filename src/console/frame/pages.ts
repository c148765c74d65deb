import { ApiError } from './api-error.ts'
import { z } from './schema.ts'

/** Most entries of a page, and those of a page whose size is not named. */
const MAX_PAGE = 1_000
const USUAL_PAGE = 100
/** Longest cursor, in characters: the name of a repository and a tag, written as base64url. */
const MAX_CURSOR_LENGTH = 1_024

/** The size of a page. */
export const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_PAGE)
  .default(USUAL_PAGE)
  .meta({ description: `Most entries of the answer: 1 to ${MAX_PAGE}`, examples: [100] })

/** Parameters of every list in pages. */
export const pageQuery = {
  limit,
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_LENGTH)
    .optional()
    .meta({ description: '`next` of the page before; without it the first page' }),
}

/** The form of a page. */
export function pageOf<T extends Parameters<typeof z.array>[0]>(entry: T) {
  return z.object({
    items: z.array(entry),
    next: z
      .string()
      .nullable()
      .meta({ description: 'Cursor of the page that follows; null after the last one' }),
  })
}

/** A cursor: the position after the last entry of a page. Its content has no meaning for clients. */
function toCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * Reads a cursor by the schema of its list's positions. It grants nothing: whoever writes one by hand only chooses another
 * position in the list that he may see. Errors: `CURSOR_INVALID`.
 */
export function parseCursor<T>(
  text: string | undefined,
  schema: { parse: (value: unknown) => T },
): T | undefined {
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new ApiError('CURSOR_INVALID', { cause })
  }
}

/** A page of entries that were read with one more than the limit allows, which is left out. */
export function toPage<T>(
  found: readonly T[],
  { limit, toPosition }: { limit: number; toPosition: (last: T) => unknown },
): { items: readonly T[]; next: string | null } {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? toCursor(toPosition(last)) : null }
}
