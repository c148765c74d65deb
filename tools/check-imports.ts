import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkSources, readTableBetweenMarkers, writeTableBetweenMarkers } from './import-rules.ts'
import { formatImportTable } from './import-table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const architecture = join(root, 'ARCHITECTURE.md')
const [option] = process.argv.slice(2)

if (option === '--table') {
  console.log(formatImportTable())
} else if (option === '--write') {
  writeFileSync(architecture, writeTableBetweenMarkers(readFileSync(architecture, 'utf8')))
} else {
  report([...checkSources(readSources()), ...checkArchitecture()])
}

function readSources(): Map<string, string> {
  const paths = globSync('{src,test,tools,bench}/**/*.ts', { cwd: root })
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

function checkArchitecture(): string[] {
  const text = existsSync(architecture) ? readFileSync(architecture, 'utf8') : ''
  if (readTableBetweenMarkers(text) === formatImportTable()) return []
  return [
    'ARCHITECTURE.md: its import table is not the one that is checked: run node tools/check-imports.ts --write',
  ]
}

function report(problems: readonly string[]): void {
  for (const problem of problems) console.error(problem)
  if (problems.length === 0) console.log('imports: every file keeps to the table')
  else process.exitCode = 1
}
