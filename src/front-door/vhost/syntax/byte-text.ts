/** Bytes that are not UTF-8 are these lone surrogates in a text, so that none is lost (PEP 383). */
const FIRST_STRAY = 0xdc00

const ASCII = /^[\0-\x7f]*$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes the escapes of a path once. Each must be valid; a byte that is not UTF-8 becomes a lone surrogate. */
export function decodePath(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    // The only possible cause is bytes that are not UTF-8: they are decoded one by one.
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
      decodeBytes(Buffer.from(run.replaceAll('%', ''), 'hex')),
    )
  }
}

function decodeBytes(bytes: Buffer): string {
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    const sign = decodeSign(bytes.subarray(at, at + length))
    text += sign ?? String.fromCharCode(FIRST_STRAY + byte)
    at += sign === undefined ? 1 : length
  }
  return text
}

/** Undefined for bytes that are not UTF-8. */
function decodeSign(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text of a header as Node gives it: a character for each byte. */
export function decodeHeader(value: string): string {
  return ASCII.test(value) ? value : decodeBytes(Buffer.from(value, 'latin1'))
}

/** A text as the value of a header: a character for each byte, without those that would end it. */
export function encodeHeader(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const clean = text.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '')
  return ASCII.test(clean) ? clean : toBytes(clean).toString('latin1')
}

/** The bytes of a text; those that are not UTF-8 unchanged. */
export function toBytes(text: string): Buffer {
  const stray = strayByte(text)
  if (stray !== undefined) return Buffer.from([stray])
  if (text.isWellFormed()) return Buffer.from(text)
  return Buffer.concat([...text].map(toBytes))
}

/** The byte that one lone surrogate stands for. */
function strayByte(sign: string): number | undefined {
  const code = sign.length === 1 ? sign.charCodeAt(0) - FIRST_STRAY : 0
  return code >= 0x80 && code <= 0xff ? code : undefined
}
