import { type CopiedTableReport, type CopyOptions, copyDatabase } from '../../database/copy/copy-database.ts'
import { recountSizes } from '../../metadata/migrations/recount-sizes.ts'
import { COPIED_TABLES } from './copied-tables.ts'

/**
 * Copies all facts from one database to another, or continues such a copy. A page of rows has several repositories, which
 * the triggers that keep sizes cannot count: so sizes are counted anew at its end. Errors: `CopyError`.
 */
export function copyFacts(options: Omit<CopyOptions, 'tables' | 'onCopied'>): Promise<CopiedTableReport[]> {
  return copyDatabase({ ...options, tables: COPIED_TABLES, onCopied: recountSizes })
}
