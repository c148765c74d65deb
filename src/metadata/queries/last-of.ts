import type { Page } from '../metadata.ts'

/**
 * The `last` of a page as a value of a query. PostgreSQL refuses a NUL in any text; no name holds one, so that what
 * follows it makes no difference to the order.
 */
export function lastOf({ last }: Page): string | undefined {
  return last?.split('\0', 1)[0]
}
