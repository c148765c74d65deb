/** Tags of the ASN.1 types in certificates (X.690). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Encodes an element (X.690 section 8.1). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const digits = Buffer.from(
    length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0'),
    'hex',
  )
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, content])
}

/** Encodes an object identifier, such as `2.5.29.17`. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...others].flatMap((arc) => {
    const digits = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
    return digits
  })
  return der(TAG.oid, Buffer.from(bytes))
}

/** Encodes a number without a sign, given as its bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  // DER requires the shortest form (X.690 section 8.3.2): no leading zeros but the one that keeps a number positive.
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  const isNegative = ((digits[0] ?? 0) & 0x80) !== 0
  return isNegative ? der(TAG.integer, Buffer.of(0), digits) : der(TAG.integer, digits)
}

/** Encodes whole bytes as a bit string. */
export function derBitString(bytes: Uint8Array): Buffer {
  return der(TAG.bitString, Buffer.of(0), bytes)
}
