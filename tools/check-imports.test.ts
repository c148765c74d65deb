import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkTree } from './check-tree.ts'
import { drawRooms } from './draw-rooms.ts'
import { checkSources } from './import-rules.ts'
import { readMarkedPart, writeMarkedPart } from './marked-part.ts'
import { countCodeLines, findImports } from './source-imports.ts'

/** Checks files given as path -> text; imported files need not be among them. */
function check(files: Record<string, string>): string[] {
  return checkSources(new Map(Object.entries(files)))
}

describe('checkSources()', () => {
  it('passes a folder that keeps to its row', () => {
    const problems = check({
      'src/registry/push.ts': "import { parseDigest } from '../oci/digest.ts'\nimport { x } from './y.ts'\n",
    })
    assert.deepEqual(problems, [])
  })

  it('names file, line and rule of a forbidden folder', () => {
    const problems = check({
      'src/oci/digest.ts': "import { a } from './a.ts'\nimport { disk } from '../blobs/disk/disk.ts'\n",
    })
    assert.deepEqual(problems, [
      'src/oci/digest.ts:2: "oci" must not import "blobs/disk/disk.ts": it may import nothing local',
    ])
  })

  it('lets the port file of a folder through, but not its adapter', () => {
    const problems = check({
      'src/registry/pull.ts':
        "import type { BlobStore } from '../blobs/blob-store.ts'\nimport { DiskBlobStore } from '../blobs/disk/disk-blob-store.ts'\n",
    })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^src\/registry\/pull\.ts:2: "registry" must not import "blobs\/disk/)
  })

  it('counts type-only imports for the table', () => {
    const problems = check({ 'src/oci/x.ts': "import type { Metadata } from '../metadata/metadata.ts'\n" })
    assert.match(problems.join(), /"oci" must not import "metadata\/metadata\.ts"/)
  })

  it('refuses a forbidden built-in module and what lies below it', () => {
    const problems = check({ 'src/oci/x.ts': "import { open } from 'node:fs/promises'\n" })
    assert.deepEqual(problems, ['src/oci/x.ts:1: "oci" must not import "node:fs/promises"'])
  })

  it('sees built-in modules that are called for', () => {
    const problems = check({ 'src/oci/x.ts': "const fs = process.getBuiltinModule('node:fs')\n" })
    assert.deepEqual(problems, ['src/oci/x.ts:1: "oci" must not import "node:fs"'])
  })

  it('lets node:http come in parts only', () => {
    const problems = check({
      'src/front-door/x.ts':
        "import type { Server } from 'node:http'\nconst http = process.getBuiltinModule('node:http')\n",
      'src/front-door/y.ts': "import { createServer } from 'node:http'\n",
    })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^src\/front-door\/y\.ts:1: "node:http" must be imported by/)
  })

  it('refuses imports from outside src, of tests, and folders without a row', () => {
    const problems = check({
      'src/http/a.ts': "import { boot } from '../../test/support/boot.ts'\nimport { t } from './b.test.ts'\n",
      'src/attic/c.ts': "import { d } from './d.ts'\n",
    })
    assert.deepEqual(problems, [
      'src/http/a.ts:1: "../../test/support/boot.ts" lies outside src',
      'src/http/a.ts:2: "./b.test.ts" is a test',
      'src/attic/c.ts:1: the folder "attic" has no row in tools/import-table.ts',
    ])
  })

  it('leaves tests free', () => {
    const problems = check({
      'src/registry/push.test.ts': "import { open } from '../metadata/sqlite/open.ts'\n",
    })
    assert.deepEqual(problems, [])
  })

  it('finds a circle of files', () => {
    const problems = check({
      'src/oci/a.ts': "import { b } from './b.ts'\n",
      'src/oci/b.ts': "export { c } from './c.ts'\n",
      'src/oci/c.ts': "import { a } from './a.ts'\n",
    })
    assert.deepEqual(problems, [
      'src/oci/a.ts:1: circle src/oci/a.ts -> src/oci/b.ts -> src/oci/c.ts -> src/oci/a.ts',
    ])
  })

  it('refuses types that go round within a folder', () => {
    const problems = check({
      'src/oci/a.ts': "import { b } from './b.ts'\n",
      'src/oci/b.ts': "import type { A } from './a.ts'\n",
    })
    assert.deepEqual(problems, ['src/oci/a.ts:1: circle src/oci/a.ts -> src/oci/b.ts -> src/oci/a.ts'])
  })

  it('refuses what goes round within a room of test/support', () => {
    const problems = check({
      'test/support/machine/a.ts': "import { b } from './b.ts'\n",
      'test/support/machine/b.ts': "import type { A } from './a.ts'\n",
    })
    assert.match(problems.join(), /circle test\/support\/machine\/a\.ts -> /)
  })

  it('refuses types that go round through two folders', () => {
    const problems = check({
      'src/app/a.ts': "import { b } from '../cli/b.ts'\n",
      'src/cli/b.ts': "import type { A } from '../app/a.ts'\n",
    })
    assert.match(problems.join(), /circle src\/app\/a\.ts -> src\/cli\/b\.ts -> src\/app\/a\.ts/)
  })

  it('refuses folders that go round where no file does', () => {
    const problems = check({
      'src/app/a.ts': "import { b } from '../cli/b.ts'\n",
      'src/cli/c.ts': "import type { D } from '../app/d.ts'\n",
    })
    assert.deepEqual(problems, ['src/app:1: circle src/app -> src/cli -> src/app'])
  })

  it('refuses names that hold anything', () => {
    const problems = check({
      'src/http/utils/x.test.ts': '',
      'src/http/helper.ts': '',
      'src/http/helpers.test.ts': '',
    })
    assert.equal(problems.length, 3)
  })

  it('refuses more than 300 code lines without a reason', () => {
    const long = 'const a = 1\n'.repeat(301)
    assert.match(check({ 'src/oci/x.ts': long }).join(), /301 code lines, 300 at most/)
    assert.deepEqual(check({ 'src/oci/x.ts': `// long: a table of all status codes\n${long}` }), [])
    assert.match(check({ 'src/oci/x.ts': `// long:\n${long}` }).join(), /301 code lines/)
  })
})

describe('checkSources() of rooms', () => {
  const order = [{ folder: 'http', rooms: ['.', 'handlers', 'routes.ts'] }]

  function checkRooms(files: Record<string, string>): string[] {
    return checkSources(new Map(Object.entries(files)), order)
  }

  it('lets imports go down the row, and within a room', () => {
    const problems = checkRooms({
      'src/http/routes.ts': "import { a } from './handlers/a.ts'\nimport { c } from './c.ts'\n",
      'src/http/handlers/a.ts': "import { b } from './b.ts'\nimport { c } from '../c.ts'\n",
    })
    assert.deepEqual(problems, [])
  })

  it('refuses an arrow up, of types, too', () => {
    const problems = checkRooms({ 'src/http/c.ts': "import type { A } from './handlers/a.ts'\n" })
    assert.deepEqual(problems, [
      'src/http/c.ts:1: "http" must not import "http/handlers/a.ts": "http/handlers" stands above it in tools/room-order.ts',
    ])
  })

  it('refuses an arrow to a file that stands above its room', () => {
    const problems = checkRooms({ 'src/http/handlers/a.ts': "import type { R } from '../routes.ts'\n" })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /"http\/routes\.ts" stands above it/)
  })

  it('refuses a room without a place, and a folder of rooms without a row', () => {
    const problems = checkRooms({
      'src/http/attic/a.ts': '',
      'src/http/attic/b.ts': '',
      'src/oci/attic/c.ts': '',
    })
    assert.deepEqual(problems.sort(), [
      'src/http/attic/a.ts:1: the room "http/attic" has no place in tools/room-order.ts',
      'src/oci/attic/c.ts:1: the room "oci/attic" has no place in tools/room-order.ts',
    ])
  })

  it('holds what tests share to a row of its own, without files at the top', () => {
    const support = [{ folder: 'test/support', rooms: ['machine', 'program'] }]
    const files = {
      'test/support/program/a.ts': "import { b } from '../machine/b.ts'\nimport { c } from '../c.ts'\n",
      'test/support/machine/b.ts': "import type { A } from '../program/a.ts'\n",
      'test/support/c.ts': '',
    }
    assert.deepEqual(checkSources(new Map(Object.entries(files)), support), [
      'test/support/c.ts:1: the room "test/support" has no place in tools/room-order.ts',
      'test/support/machine/b.ts:1: "test/support/machine" must not import "test/support/program/a.ts": "test/support/program" stands above it in tools/room-order.ts',
      'test/support/program/a.ts:1: circle test/support/program/a.ts -> test/support/machine/b.ts -> test/support/program/a.ts',
    ])
  })

  it('leaves a folder without inner folders alone', () => {
    assert.deepEqual(checkRooms({ 'src/oci/a.ts': "import { b } from './b.ts'\n" }), [])
  })
})

describe('findImports()', () => {
  it('reads every form, with its line', () => {
    const text = [
      "import { a } from './a.ts'",
      'import {',
      '  b,',
      "} from './b.ts'",
      "import './c.ts'",
      "import type { D } from './d.ts'",
      "import { type E } from './e.ts'",
      "export * from './f.ts'",
      "export type { G } from './g.ts'",
      "const h = await import('./h.ts')",
      "type I = import('./i.ts').I",
      "export const j = 'from'",
    ].join('\n')
    assert.deepEqual(
      findImports(text).map(
        ({ specifier, line, isTypeOnly }) => `${line} ${specifier}${isTypeOnly ? ' type' : ''}`,
      ),
      [
        '1 ./a.ts',
        '2 ./b.ts',
        '5 ./c.ts',
        '6 ./d.ts type',
        '7 ./e.ts',
        '8 ./f.ts',
        '9 ./g.ts type',
        '10 ./h.ts',
        '11 ./i.ts type',
      ],
    )
  })

  it('does not read comments', () => {
    assert.deepEqual(findImports("/*\nimport { a } from './a.ts'\n*/\n// import('./b.ts')\n"), [])
  })
})

describe('countCodeLines()', () => {
  it('counts neither comments nor empty lines', () => {
    assert.equal(countCodeLines('/** x\n * y\n */\nconst a = 1 // z\n\n// w\nconst b = 2\n'), 2)
  })
})

describe('a part of ARCHITECTURE.md', () => {
  it('is written between its markers and read back', () => {
    const once = writeMarkedPart('# House\n', 'rooms', 'a drawing')
    const twice = writeMarkedPart(`${once}after\n`, 'rooms', 'another')
    assert.equal(readMarkedPart(once, 'rooms'), 'a drawing')
    assert.equal(twice, `${once.replace('a drawing', 'another')}after\n`)
    assert.equal(readMarkedPart(once, 'import-table'), undefined)
  })
})

describe('drawRooms()', () => {
  const edge = (from: string, to: string) => ({ from: `src/${from}`, to: `src/${to}`, line: 1 })

  it('leaves out an arrow that follows from others', () => {
    const text = drawRooms(
      [edge('app/a.ts', 'http/b.ts'), edge('http/b.ts', 'oci/c.ts'), edge('app/a.ts', 'oci/c.ts')],
      [],
    )
    assert.match(text, /app --> http\n {2}http --> oci\n```/)
    assert.doesNotMatch(text, /app --> oci/)
  })

  it('draws rooms, and a file that stands above its room', () => {
    const text = drawRooms(
      [edge('http/routes.ts', 'http/handlers/a.ts'), edge('http/handlers/a.ts', 'http/c.ts')],
      [{ folder: 'http', rooms: ['.', 'handlers', 'routes.ts'] }],
    )
    assert.match(text, /http\/handlers --> http\n {2}http\/routes\.ts --> http\/handlers\n/)
  })

  it('draws all arrows of a name in one line', () => {
    const text = drawRooms([edge('app/a.ts', 'oci/b.ts'), edge('app/a.ts', 'log/c.ts')], [])
    assert.match(text, /\n {2}app --> log & oci\n/)
  })
})

describe('checkTree()', () => {
  it('finds nothing to complain of in this repository', () => {
    assert.deepEqual(checkTree(fileURLToPath(new URL('..', import.meta.url))), [])
  })
})
