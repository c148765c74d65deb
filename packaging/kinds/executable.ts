import { join } from 'node:path'
import { findOwnArchitecture } from '../architecture.ts'
import { makeExecutable } from '../bundle/make-executable.ts'
import type { PackOptions } from '../pack-options.ts'

/**
 * Makes `berth`, the program with its Node in one file, and `bundle/` beside it, from which it is made. For another
 * architecture than this machine's the file is `berth-ARCH`. @returns its path.
 */
export async function packExecutable({
  folder,
  isReproducible,
  architectures: [architecture],
}: PackOptions): Promise<string> {
  const name = architecture === findOwnArchitecture() ? 'berth' : `berth-${architecture}`
  const file = join(folder, name)
  await makeExecutable({ file, parts: join(folder, 'bundle'), isReproducible, architecture })
  return file
}
