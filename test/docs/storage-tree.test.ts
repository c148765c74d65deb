import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { readBlocks } from './fenced-commands.ts'
import { openReader } from './reader.ts'

/**
 * Paths of the tree that need a CA, an upload under way, damaged content or links of Distribution, and so are absent in
 * this test.
 */
const NOT_MADE_HERE = [
  /^certificates\/(?:acme|pairs)\//,
  /^berth-uploads\//,
  /^berth-quarantine\//,
  /sha512/,
  /^docker\/registry\/v2\/(?:repositories|berth-left|berth-unsynced)/,
  /\.db-|-journal$/,
  // Made by a backup of a PostgreSQL database, or of an earlier schema, only.
  /^snapshots\.lock$/,
  // Made by a takeover of links of Distribution, or a departure to it.
  /^adopt\.lock$/,
]

test('docs/storage-layout.md draws everything that a server and commands leave in the data folder', async () => {
  await using reader = await openReader({ listens: 'both', BERTH_ACME: 'off', BERTH_DOCKER_HOST: 'off' })
  const found = new Set<string>()
  const look = async (): Promise<void> => {
    for (const file of await filesBelow(reader.path('var', 'berth'))) found.add(file)
  }
  await reader.serve('berth serve --domain registry.example.com --workers 2', async () => {
    await reader.run('berth cert self-signed registry.example.com')
    await look()
  })
  await reader.run('echo "$PASSWORD" | berth user add alice --password-stdin')
  await reader.serve('env -u BERTH_LISTEN_HTTPS berth serve', async () => {
    await reader.run(
      `printf '%s\\n' "$PASSWORD" | env -u BERTH_LISTEN_HTTPS berth selftest --username alice --password-stdin`,
    )
    await look()
  })
  const tree = readTree()
  const undrawn = [...found].filter((file) => !tree.some((pattern) => pattern.test(file)))
  assert.deepEqual(undrawn, [], 'draw them in docs/storage-layout.md')
  const absent = tree.filter(
    (pattern) =>
      ![...found].some((file) => pattern.test(file)) &&
      !NOT_MADE_HERE.some((known) => known.test(pattern.source.replaceAll('\\', '').slice(1, -1))),
  )
  assert.deepEqual(absent.map(String), [], 'nothing of this kind was found')
})

/**
 * The paths of the drawing, below the data folder: names in angle brackets match any, a folder without entries matches
 * all in it.
 */
function readTree(): RegExp[] {
  const drawing = readBlocks().find(({ page }) => page === 'docs/storage-layout.md')?.text ?? ''
  const folders: string[] = []
  const paths: string[] = []
  for (const line of drawing.split('\n')) {
    const [, indent = '', names = ''] = /^( *)(\S.*?)(?: {3,}.*)?$/.exec(line) ?? []
    const depth = indent.length / 2
    // The two roots are one folder here.
    if (names === '' || depth === 0) continue
    for (const name of names.split('  ')) {
      const path = [...folders.slice(1, depth), name].join('')
      folders.length = depth
      if (name.endsWith('/')) folders[depth] = name
      paths.push(path)
    }
  }
  const isParent = (path: string): boolean =>
    path.endsWith('/') && paths.some((other) => other !== path && other.startsWith(path))
  const leaves = paths.filter((path) => !isParent(path))
  return leaves.map((path) => new RegExp(`^${toPattern(path)}${path.endsWith('/') ? '.+' : ''}$`))
}

function toPattern(path: string): string {
  return path
    .split(/<[^>]*>/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
    .join('[^/]+')
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}
