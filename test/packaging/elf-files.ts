import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../support/machine/run-command.ts'

/** First bytes of a program or library. */
const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1')
/** Place of the processor's number in an ELF header. */
const MACHINE_AT = 18
/** Length of the part of a header that is read. */
const HEADER_BYTES = 20

/** A program or library. */
export interface ElfFile {
  /** From the tree's root. */
  readonly path: string
  /** Number of its processor: 62 is amd64, 183 is arm64. */
  readonly machine: number
  /** Path of the program that loads it; undefined for most libraries. */
  readonly interpreter: string | undefined
  /** Names of the libraries that it needs. */
  readonly needed: readonly string[]
}

/** Finds all programs and libraries of a tree, by their content. It needs readelf (binutils). */
export async function findElfFiles(root: string): Promise<ElfFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const found: ElfFile[] = []
  for (const entry of entries.filter((each) => each.isFile())) {
    const full = join(entry.parentPath, entry.name)
    const header = await readHeader(full)
    if (!header.subarray(0, ELF_MAGIC.length).equals(ELF_MAGIC)) continue
    const facts = await runOk('readelf', ['--wide', '--program-headers', '--dynamic', full])
    found.push({
      path: full.slice(root.length),
      machine: header.readUInt16LE(MACHINE_AT),
      interpreter: /\[Requesting program interpreter: (.*)\]/.exec(facts)?.[1],
      needed: [...facts.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name),
    })
  }
  return found
}

async function readHeader(path: string): Promise<Buffer> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
  return buffer.subarray(0, bytesRead)
}
