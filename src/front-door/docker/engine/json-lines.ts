/** A line of a stream: its value, or `lost` for an unreadable line. */
export type JsonLine = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'lost' }

/**
 * Reads JSON values, one a line, out of text in pieces of any size. A line that is no JSON, or longer than `maxLength`
 * characters, is yielded as lost and costs no more memory than that.
 */
export async function* readJsonLines(
  pieces: AsyncIterable<string>,
  maxLength: number,
): AsyncGenerator<JsonLine> {
  let rest = ''
  let isSkipping = false
  for await (const piece of pieces) {
    let start = 0
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', start)) {
      const line = isSkipping ? '' : rest + piece.slice(start, end)
      rest = ''
      start = end + 1
      if (line.length > maxLength) yield { kind: 'lost' }
      else if (line.trim() !== '') yield parseLine(line)
      isSkipping = false
    }
    if (isSkipping) continue
    rest += piece.slice(start)
    if (rest.length > maxLength) {
      rest = ''
      isSkipping = true
      yield { kind: 'lost' }
    }
  }
}

function parseLine(line: string): JsonLine {
  try {
    return { kind: 'value', value: JSON.parse(line) as unknown }
  } catch {
    // Its subject is unknown: the caller reads everything anew.
    return { kind: 'lost' }
  }
}
