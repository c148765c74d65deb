import assert from 'node:assert/strict'
import { appendFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { MAX_WATCHED_FILE_BYTES, WatchedFolder } from './watched-folder.ts'

async function start(options: { withText?: boolean; isMissing?: boolean; mustExist?: boolean } = {}) {
  const temp = await makeTempFolder('watched')
  const path = join(temp.path, 'vhost.d')
  if (!options.isMissing) await mkdir(path)
  let changes = 0
  const problems: string[] = []
  const folder = await WatchedFolder.open(path, {
    withText: options.withText ?? true,
    mustExist: options.mustExist ?? false,
    onChange: () => changes++,
    onProblem: (problem) => problems.push(problem),
  })
  return {
    path,
    folder,
    problems,
    changes: () => changes,
    async until(isTrue: () => boolean) {
      const deadline = Date.now() + 60_000
      while (!isTrue()) {
        if (Date.now() > deadline) throw new assert.AssertionError({ message: 'nothing changed' })
        await sleep(20)
      }
    },
    async [Symbol.asyncDispose]() {
      folder.close()
      await temp[Symbol.asyncDispose]()
    },
  }
}

test('`WatchedFolder` tells of files written, changed, renamed and removed', async () => {
  await using watched = await start()
  const { path, folder } = watched
  await writeFile(join(path, 'a.example'), 'one;')
  await watched.until(() => folder.content.get('a.example')?.text === 'one;')
  await appendFile(join(path, 'a.example'), ' two;')
  await watched.until(() => folder.content.get('a.example')?.text === 'one; two;')
  await rename(join(path, 'a.example'), join(path, 'b.example'))
  await watched.until(() => folder.content.has('b.example') && !folder.content.has('a.example'))
  await rm(join(path, 'b.example'))
  await watched.until(() => folder.content.size === 0)
})

test('`WatchedFolder` waits for the folder if it is missing', async () => {
  await using watched = await start({ isMissing: true })
  assert.equal(watched.folder.content.size, 0)
  await mkdir(watched.path)
  await writeFile(join(watched.path, 'a.example'), 'x;')
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('a.example')?.text, 'x;')
  assert.equal(watched.changes(), 1)
  assert.deepEqual(watched.problems, [])
})

test('`WatchedFolder` leaves out hidden files and backups, and folders where only names count', async () => {
  await using watched = await start({ withText: false })
  await mkdir(join(watched.path, 'sub'))
  await writeFile(join(watched.path, '.a.swp'), 'x')
  await writeFile(join(watched.path, 'a~'), 'x')
  await writeFile(join(watched.path, 'a'), 'x')
  await watched.folder.refresh()
  assert.deepEqual([...watched.folder.content.keys()], ['a'])
})

test('`WatchedFolder` has what stands in the place of a text as a file that cannot be read', async () => {
  await using watched = await start()
  await mkdir(join(watched.path, 'sub'))
  await symlink('nowhere', join(watched.path, 'link'))
  await watched.folder.refresh()
  assert.deepEqual(
    [...watched.folder.content.values()].map(({ name, problem }) => [name, problem]),
    [
      ['link', 'it is a link to nothing'],
      ['sub', 'it is no file'],
    ],
  )
})

test('`WatchedFolder` keeps what it had when the folder is gone, until it is back', async () => {
  await using watched = await start()
  await writeFile(join(watched.path, 'a'), 'deny all;')
  await watched.folder.refresh()
  await rename(watched.path, `${watched.path}.away`)
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('a')?.text, 'deny all;')
  assert.match(watched.problems.join(), /cannot be read \(ENOENT\)/)
  await mkdir(watched.path)
  await watched.folder.refresh()
  assert.equal(watched.folder.content.size, 0)
})

test('`WatchedFolder` says which file is too large and goes on with the others', async () => {
  await using watched = await start()
  await writeFile(join(watched.path, 'big'), Buffer.alloc(MAX_WATCHED_FILE_BYTES + 1, 0x20))
  await writeFile(join(watched.path, 'small'), 'x;')
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('big')?.problem, 'it cannot be read (EFBIG)')
  assert.equal(watched.folder.content.get('small')?.text, 'x;')
})

test('`WatchedFolder` keeps what it had when the folder cannot be read, and says so once', async () => {
  await using watched = await start()
  await writeFile(join(watched.path, 'a'), 'x;')
  await watched.folder.refresh()
  await rm(watched.path, { recursive: true })
  await writeFile(watched.path, 'no folder any more')
  await watched.folder.refresh()
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('a')?.text, 'x;')
  assert.equal(watched.problems.length, 1)
  assert.match(watched.problems[0] ?? '', /cannot be read \(ENOTDIR\)/)
})

test('`WatchedFolder` says that a folder which has been named is missing, and keeps what one held that goes', async () => {
  await using watched = await start({ isMissing: true, mustExist: true })
  assert.match(watched.problems[0] ?? '', /vhost\.d cannot be read \(ENOENT\)/)
  await mkdir(watched.path)
  await writeFile(join(watched.path, 'a'), 'auth_basic x;')
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('a')?.text, 'auth_basic x;')
  await rm(watched.path, { recursive: true })
  await watched.folder.refresh()
  assert.equal(watched.folder.content.get('a')?.text, 'auth_basic x;', 'what protected a host is still there')
  assert.equal(watched.problems.length, 2)
})
