const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Writes bytes of a digest, in the order given, as crypt(3) does: three bytes become four characters, the lowest six
 * bits first; a last group of one or two bytes becomes two or three.
 */
export function encodeCryptBase64(digest: Buffer, order: readonly number[]): string {
  let text = ''
  for (let start = 0; start < order.length; start += 3) {
    const group = order.slice(start, start + 3)
    let bits = group.reduce((value, index) => (value << 8) | (digest[index] ?? 0), 0)
    for (let left = group.length + 1; left > 0; left--) {
      text += ALPHABET[bits & 0x3f]
      bits >>>= 6
    }
  }
  return text
}
