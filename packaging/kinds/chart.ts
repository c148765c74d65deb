import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Makes `berth-chart-VERSION.tgz`, which `helm install` takes. It needs helm. @returns its path. */
export async function packChart({ folder }: PackOptions): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  // Helm chooses the name, which is that of the npm package.
  const made = await mkdtemp(join(folder, 'chart-'))
  const file = join(folder, `berth-chart-${version}.tgz`)
  try {
    await runTool('helm', ['package', join(ROOT, 'packaging/chart'), '--destination', made])
    await rename(join(made, `berth-${version}.tgz`), file)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  return file
}
