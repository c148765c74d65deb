import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checkWords } from './word-rules.ts'

/** Folders whose comments are not checked yet. */
const NOT_YET: readonly string[] = []

const root = fileURLToPath(new URL('..', import.meta.url))
const paths = globSync('src/**/*.ts', { cwd: root })
  .filter((path) => !NOT_YET.some((folder) => path.startsWith(folder)))
  .sort()
const problems = checkWords(new Map(paths.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')])))
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else console.log('words: every comment keeps to the rules')
