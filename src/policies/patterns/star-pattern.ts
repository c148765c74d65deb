/**
 * True if a text has the form of a pattern, in which each `*` stands for any characters, none included.
 *
 * The parts between the stars are searched from the left, each once: the first place of each leaves most room for the
 * rest, so nothing is tried again, and the time is bounded by the product of both lengths.
 */
export function matchesStars(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text === first
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}
