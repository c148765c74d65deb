/** One entry of a tar archive. */
export type TarEntry =
  | { readonly path: string; readonly bytes: Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly isFolder: true }

const BLOCK = 512

/** A POSIX (ustar) archive of the entries, owned by root, all made at the same time so that equal trees are equal bytes. */
export function makeTar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(formatEntry), Buffer.alloc(2 * BLOCK)])
}

function formatEntry(entry: TarEntry): Buffer[] {
  if ('isFolder' in entry) return [header(`${entry.path.replace(/\/$/, '')}/`, { type: '5', mode: 0o755 })]
  if ('linkTo' in entry) return [header(entry.path, { type: '2', mode: 0o777, linkTo: entry.linkTo })]
  const padding = Buffer.alloc((BLOCK - (entry.bytes.length % BLOCK)) % BLOCK)
  const head = header(entry.path, { type: '0', mode: entry.mode ?? 0o644, size: entry.bytes.length })
  return [head, Buffer.from(entry.bytes), padding]
}

interface HeaderFields {
  readonly type: '0' | '2' | '5'
  readonly mode: number
  readonly size?: number
  readonly linkTo?: string
}

function header(path: string, { type, mode, size = 0, linkTo = '' }: HeaderFields): Buffer {
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(linkTo) > 100) {
    throw new Error(`a path of this tar is longer than 100 bytes: ${path}`)
  }
  const block = Buffer.alloc(BLOCK)
  block.write(path, 0)
  block.write(octal(mode, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(size, 11), 124)
  block.write(octal(1_700_000_000, 11), 136)
  block.write(' '.repeat(8), 148)
  block.write(type, 156)
  block.write(linkTo, 157)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width, '0')
}
