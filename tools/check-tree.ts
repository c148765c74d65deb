import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkSources, readEdges, readTableBetweenMarkers } from './import-rules.ts'
import { formatImportTable } from './import-table.ts'
import { describeOpenArrows } from './open-arrows.ts'

/** Checks the repository at `root`: all its TypeScript files, and the import table that ARCHITECTURE.md shows. */
export function checkTree(root: string): string[] {
  return [...checkSources(readSources(root)), ...checkArchitecture(join(root, 'ARCHITECTURE.md'))]
}

/** Lines about the imports of the repository at `root` that are let through until they are turned. */
export function listOpenArrows(root: string): string[] {
  return describeOpenArrows(readEdges(readSources(root)))
}

function readSources(root: string): Map<string, string> {
  const paths = globSync('{src,test,tools,bench}/**/*.ts', { cwd: root })
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

function checkArchitecture(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (readTableBetweenMarkers(text) === formatImportTable()) return []
  return [
    'ARCHITECTURE.md:1: its import table is not the one that is checked: run node tools/check-imports.ts --write',
  ]
}
