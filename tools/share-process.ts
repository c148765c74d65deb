import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/** One process of a run of tests. */
export interface TestProcess {
  /** The file that Node runs. */
  readonly entry: string
  /** The files whose tests it runs. */
  readonly files: readonly string[]
}

/** Most files of one process: they run one after the other. */
const MAX_FILES = 6
/**
 * Tests that read or change what belongs to their process, such as its memory, its variables, its time on the processor
 * and the clock, have it to themselves.
 */
const NEEDS_OWN_PROCESS = /\bprocess\.|\bmock\b|cpu-time\.ts'/

/**
 * Test files of one folder of `shared` run in one process, as the start of one and the loading of the same modules cost
 * more than most of their tests. In it each file is a suite of its own, hooks included. The other files are
 * left as they are.
 * @param entryFolder An empty folder for the files that Node runs.
 */
export function shareProcesses(
  files: readonly string[],
  { root, shared, entryFolder }: { root: string; shared: string; entryFolder: string },
): TestProcess[] {
  const isShared = (file: string): boolean =>
    file.startsWith(join(root, shared)) && !NEEDS_OWN_PROCESS.test(readFileSync(file, 'utf8'))
  const folders = Map.groupBy(files, (file) => (isShared(file) ? dirname(file) : file))
  return [...folders].flatMap(([folder, members]) => {
    const name = relative(root, folder).replaceAll('/', '-')
    return chunksOf(members, MAX_FILES).map((chunk, at) => {
      const [only = ''] = chunk
      if (chunk.length === 1) return { entry: only, files: chunk }
      const entry = join(entryFolder, `${name}-${at + 1}.test.mjs`)
      writeFileSync(entry, formatEntry(root, chunk))
      return { entry, files: chunk }
    })
  })
}

function formatEntry(root: string, files: readonly string[]): string {
  const suites = files.map((file) => {
    const [name, url] = [relative(root, file), pathToFileURL(file).href].map((text) => JSON.stringify(text))
    return `describe(${name}, async () => { await import(${url}) })\n`
  })
  return `import { describe } from 'node:test'\n${suites.join('')}`
}

/** Parts of about the same length. */
function chunksOf<T>(items: readonly T[], most: number): T[][] {
  const parts = Math.ceil(items.length / most)
  return Array.from({ length: parts }, (_, part) => items.filter((_item, at) => at % parts === part))
}
