/** Characters that would move the cursor, colour the terminal, begin a line or turn the direction of writing. */
export const NOT_PLAIN: RegExp = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/**
 * Rows under headings, in columns, for people: plain text, two spaces between columns. Cells may hold the text of
 * strangers, such as a client's name for itself: control characters become spaces.
 */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows.map((row) => row.map((cell) => cell.replace(NOT_PLAIN, ' ')))]
  const widths = headings.map((_, column) =>
    all.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values under each other; control characters of values become spaces, as in {@link formatTable}. */
export function formatPairs(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs
    .map(([name, value]) => `${name.padEnd(width)}  ${value.replace(NOT_PLAIN, ' ')}`.trimEnd())
    .join('\n')
}

/** Bytes in the largest binary unit that leaves a whole part, with three digits. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** step
  return `${step === 0 ? value : value.toPrecision(value >= 1000 ? 4 : 3)} ${units[step]}`
}

/** A time to the minute, UTC, so that tables stay narrow; `-` for none. */
export function formatTime(time: Date | undefined): string {
  return time ? `${time.toISOString().slice(0, 16).replace('T', ' ')}Z` : '-'
}
