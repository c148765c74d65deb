/** Parsed text with nginx variables: `$host`, `${uri}`; a constant has one literal part. */
export type Template = readonly ({ readonly literal: string } | { readonly variable: string })[]

/** A number is one digit: `$10` is the first capture and a nought. */
const VARIABLE = /\$(?:\{(\w+)\}|([1-9])|([a-zA-Z_]\w*))/g

/**
 * Parses a text with nginx variables: `$host`, `${uri}`, `$1`. A `$` before any other character is a plain character.
 */
export function parseTemplate(text: string): Template {
  const parts: Template[number][] = []
  let end = 0
  for (const match of text.matchAll(VARIABLE)) {
    if (match.index > end) parts.push({ literal: text.slice(end, match.index) })
    parts.push({ variable: match[1] ?? match[2] ?? match[3] ?? '' })
    end = match.index + match[0].length
  }
  if (end < text.length || parts.length === 0) parts.push({ literal: text.slice(end) })
  return parts
}

/** The text of a template for one request. */
export function expand(template: Template, variable: (name: string) => string): string {
  const [only] = template
  if (template.length === 1 && only && 'literal' in only) return only.literal
  return template.map((part) => ('literal' in part ? part.literal : variable(part.variable))).join('')
}

/** The names of the variables in a template. */
export function variablesOf(template: Template): string[] {
  return template.flatMap((part) => ('variable' in part ? [part.variable] : []))
}

/** True if it is the same for every request. */
export function isConstant(template: Template): boolean {
  return template.every((part) => 'literal' in part)
}
