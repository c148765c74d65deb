import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkExports } from './check-exports.ts'
import { drawRooms } from './draw-rooms.ts'
import { checkSources, readEdges } from './import-rules.ts'
import { formatImportTable } from './import-table.ts'
import { readMarkedPart, writeMarkedPart } from './marked-part.ts'
import { ROOM_ORDER } from './room-order.ts'

/** Checks the repository at `root`: all its TypeScript files, and the parts of ARCHITECTURE.md that are made from them. */
export function checkTree(root: string): string[] {
  const sources = readSources(root)
  const architecture = checkArchitecture(join(root, 'ARCHITECTURE.md'), sources)
  return [...checkSources(sources), ...checkExports(sources), ...architecture]
}

/** ARCHITECTURE.md of the repository at `root` with its import table and its picture made anew. */
export function renewArchitecture(root: string): string {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const picture = drawRooms(readEdges(readSources(root)), ROOM_ORDER)
  return writeMarkedPart(writeMarkedPart(page, 'import-table', formatImportTable()), 'rooms', picture)
}

function readSources(root: string): Map<string, string> {
  const paths = globSync('{src,test,tools,bench,packaging}/**/*.ts', { cwd: root })
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

function checkArchitecture(file: string, sources: ReadonlyMap<string, string>): string[] {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const isTableTrue = readMarkedPart(page, 'import-table') === formatImportTable()
  const isPictureTrue = readMarkedPart(page, 'rooms') === drawRooms(readEdges(sources), ROOM_ORDER)
  return [
    ...(isTableTrue ? [] : [`ARCHITECTURE.md:1: its import table is not the one that is checked: ${RENEW}`]),
    ...(isPictureTrue
      ? []
      : [`ARCHITECTURE.md:1: its picture of the rooms is not that of the code: ${RENEW}`]),
  ]
}

const RENEW = 'run node tools/check-imports.ts --write'
