import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checkNames } from './name-rules.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const paths = globSync('{src,test,tools,bench,packaging}/**/*.ts', { cwd: root }).sort()
const problems = checkNames(new Map(paths.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')])))
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else console.log('names: every xOf() only gives')
