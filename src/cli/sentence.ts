/** A text with the full stop that it may lack. */
export function sentence(text: string): string {
  return /[.?!…]$/.test(text) ? text : `${text}.`
}
