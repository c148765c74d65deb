/** A text with a full stop at its end, added if it is missing. */
export function sentence(text: string): string {
  return /[.?!…]$/.test(text) ? text : `${text}.`
}
