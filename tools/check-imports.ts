import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkTree, listOpenArrows } from './check-tree.ts'
import { writeTableBetweenMarkers } from './import-rules.ts'
import { formatImportTable } from './import-table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const [option] = process.argv.slice(2)

if (option === '--table') {
  console.log(formatImportTable())
} else if (option === '--write') {
  const architecture = join(root, 'ARCHITECTURE.md')
  writeFileSync(architecture, writeTableBetweenMarkers(readFileSync(architecture, 'utf8')))
} else {
  const problems = checkTree(root)
  for (const line of listOpenArrows(root)) console.log(`imports: ${line}`)
  for (const problem of problems) console.error(problem)
  if (problems.length === 0) console.log('imports: every file keeps to the table')
  else process.exitCode = 1
}
