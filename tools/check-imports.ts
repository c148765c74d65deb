import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkTree, renewArchitecture } from './check-tree.ts'
import { formatImportTable } from './import-table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const [option] = process.argv.slice(2)

if (option === '--table') {
  console.log(formatImportTable())
} else if (option === '--write') {
  writeFileSync(join(root, 'ARCHITECTURE.md'), renewArchitecture(root))
} else {
  const problems = checkTree(root)
  for (const problem of problems) console.error(problem)
  if (problems.length === 0) console.log('imports: every file keeps to the table')
  else process.exitCode = 1
}
