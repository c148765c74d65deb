/** A value of a container in a sentence: short, and without characters that would change the terminal. */
export function quote(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
  return `"${clean.length > 80 ? `${clean.slice(0, 80)}…` : clean}"`
}
