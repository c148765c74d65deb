import pg from 'pg'

/** Types of columns (pg_type.dat) that the driver would give as text. */
const INT8 = 20
/** Type of `sum()` of whole numbers. */
const NUMERIC = 1700

/** Reads whole numbers as numbers; everything else as the driver does: text as text, bytes as `Buffer`. */
export const TYPE_PARSERS: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === INT8 || oid === NUMERIC ? parseInteger : pg.types.getTypeParser(oid, format)
  },
}

/** Errors: the number is not whole, or so large that it would become another one. */
function parseInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`The database holds the number ${text}, which cannot be read exactly`)
}
