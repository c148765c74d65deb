import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Makes the tarball that `npm install` takes. @returns its path. */
export async function packNpm({ folder }: PackOptions): Promise<string> {
  const output = await runTool('npm', ['pack', '--json', '--pack-destination', folder], ROOT)
  // Scripts of the package print lines before the JSON.
  const [{ filename }] = JSON.parse(output.slice(output.indexOf('[\n'))) as [{ filename: string }]
  return join(folder, filename)
}
