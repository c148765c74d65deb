import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ARCHITECTURES, type Architecture, findOwnArchitecture } from '../architecture.ts'
import { hashFile } from '../hash-file.ts'
import { runTool } from '../run-tool.ts'

/** The Node inside an executable. */
export interface NodeProgram {
  readonly version: string
  /** SHA-256 of its file with all symbols, in hexadecimal. */
  readonly sha256: string
}

/**
 * Writes Node without its symbols, a fifth of it. For the architecture of this machine it is the Node that runs this;
 * for another it is npm's of the same version. Errors: npm, tar, or `strip` (binutils) for the architecture is missing.
 */
export async function writeNode(file: string, architecture: Architecture): Promise<NodeProgram> {
  const isOwn = architecture === findOwnArchitecture()
  await (isOwn ? copyFile(process.execPath, file) : downloadNode(file, architecture))
  const sha256 = await hashFile(file)
  // The plain `strip` reads programs of its own architecture alone.
  await runTool(isOwn ? 'strip' : `${ARCHITECTURES[architecture].gnu}-strip`, ['--strip-all', file])
  return { version: process.versions.node, sha256 }
}

/** Takes Node from npm's package for an architecture, as the package `node` does for that of the machine. */
async function downloadNode(file: string, architecture: Architecture): Promise<void> {
  const name = `node-linux-${ARCHITECTURES[architecture].node}`
  const version = process.versions.node
  const temp = await mkdtemp(`${file}-`)
  try {
    await runTool('npm', ['pack', '--silent', '--pack-destination', temp, `${name}@${version}`], temp)
    await runTool('tar', ['--extract', '--file', `${name}-${version}.tgz`, 'package/bin/node'], temp)
    await rename(join(temp, 'package/bin/node'), file)
  } finally {
    await rm(temp, { recursive: true, force: true })
  }
}
