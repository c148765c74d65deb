import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { blobFile } from '../support/content/blob-file.ts'
import { runCli } from '../support/program/run-cli.ts'
import { hashSha256 } from '../support/requests/push-content.ts'
import { done, ENGINES, noPostgres, open, REPOSITORY, readErrorCode, serve } from './backup-room.ts'

for (const engine of ENGINES) {
  describe(`backups of a server on ${engine}`, { skip: engine === 'postgres' && noPostgres }, () => {
    test('a backup beside a server is restored elsewhere, and a second one copies new blobs only', async () => {
      await using t = await open(engine)
      await mkdir(join(t.dataDir, 'certificates/installed/.pairs/a/1'), { recursive: true })
      await writeFile(join(t.dataDir, 'certificates/installed/.pairs/a/1/a.key'), 'key of a')
      await symlink('.pairs/a/1/a.key', join(t.dataDir, 'certificates/installed/a.key'))
      await t.server.push('v1', 'layer', 'x'.repeat(1_000_000))
      const first = JSON.parse(done(await t.backUp()))
      assert.deepEqual([first.blobs, first.newBlobs, first.bad], [4, 4, 0])
      await t.server.push('v2', 'layer', 'other')
      const second = JSON.parse(done(await t.backUp()))
      assert.deepEqual([second.blobs, second.newBlobs], [7, 3])
      assert.equal(
        (await stat(join(t.backups, 'generations', second.generation, 'facts.db'))).mode & 0o777,
        0o600,
      )
      assert.equal((await stat(t.backups)).mode & 0o777, 0o700)
      const target = join(t.path, 'restored')
      const text = done(await runCli(['restore', t.backups, '--to', target]))
      assert.match(text, /7 blobs/)
      assert.equal(await readFile(join(target, 'certificates/installed/a.key'), 'utf8'), 'key of a')
      assert.deepEqual(
        readdirSync(target).filter((name) => /^restore[.-]/.test(name)),
        [],
      )
      await using restored = await serve(t.path, { dataDir: target })
      assert.deepEqual([await restored.isWhole('v1'), await restored.isWhole('v2')], [true, true])
      await restored.push('v3', 'layer')
      const older = join(t.path, 'older')
      done(await runCli(['restore', t.backups, '--generation', first.generation, '--to', older]))
      await using former = await serve(t.path, { dataDir: older })
      assert.deepEqual([await former.isWhole('v1'), await former.isWhole('v2')], [true, false])
    })

    test('a drill pulls images from what it has restored, and finds a damaged blob', async () => {
      await using t = await open(engine)
      const { layers } = await t.server.push('v1', 'layer', 'y'.repeat(600_000))
      await t.server.push('v2', 'other')
      done(await t.backUp())
      const temp = join(t.path, 'temp')
      await mkdir(temp)
      const verify = ['backup', 'verify', t.backups, '--sample', 'all', '--temp', temp, '--space', '1']
      assert.match(done(await runCli(verify)), /2 of 2 images pulled, 5 blobs/)
      assert.match(done(await runCli(['backup', 'verify', t.backups, '--quick'])), /is whole: 7 blobs/)
      const [, , layer = ''] = layers
      await writeFile(blobFile(t.backups, layer), 'z'.repeat(600_000))
      const drilled = await runCli(verify)
      assert.equal(readErrorCode(drilled), 'BACKUP_DAMAGED')
      assert.match(drilled.stderr, /1 of 2 images/)
      const checked = await runCli(['backup', 'verify', t.backups, '--quick'])
      assert.equal(readErrorCode(checked), 'BACKUP_DAMAGED')
      assert.match(checked.stderr, new RegExp(layer))
      assert.deepEqual(readdirSync(temp), [], 'nothing is left of a drill')
      done(await t.backUp('--full'))
      assert.match(done(await runCli(verify)), /2 of 2 images/)
    })

    test('a blob that is bad in the registry is named, does not stop the rest, and never replaces a good copy', async () => {
      await using t = await open(engine)
      const one = await t.server.push('v1', 'layer of one')
      done(await t.backUp())
      const two = await t.server.push('v2', 'layer of two')
      const [bad, copied] = [two.layers[1] ?? '', one.layers[1] ?? '']
      await writeFile(blobFile(t.dataDir, bad), 'layer of xxx')
      await rm(blobFile(t.dataDir, copied))
      const result = await t.backUp('--keep', '1')
      assert.equal(readErrorCode(result), 'BACKUP_INCOMPLETE')
      assert.ok(result.stderr.includes(`${bad} (damaged)`) && !result.stderr.includes(copied), result.stderr)
      const { generations } = JSON.parse(done(await runCli(['backup', 'list', t.backups, '--json'])))
      assert.deepEqual(
        generations.map(({ bad }: { bad: number }) => bad),
        [1, 0],
        'the complete one stays',
      )
      const target = join(t.path, 'restored')
      const restored = await runCli(['restore', t.backups, '--to', target])
      assert.match(restored.stderr, /newer and lacks blobs/)
      done(restored)
      await using server = await serve(t.path, { dataDir: target })
      assert.deepEqual([await server.isWhole('v1'), await server.isWhole('v2')], [true, false])
      const newest = generations[0].name
      const other = join(t.path, 'newest')
      assert.equal(
        readErrorCode(await runCli(['restore', t.backups, '--generation', newest, '--to', other])),
        'RESTORE_INCOMPLETE',
      )
      await using rest = await serve(t.path, { dataDir: other })
      assert.deepEqual([await rest.isWhole('v1'), await rest.isWhole('v2')], [true, false])
      await writeFile(blobFile(t.dataDir, bad), 'layer of two')
      done(await t.backUp())
      const whole = join(t.path, 'whole')
      done(await runCli(['restore', t.backups, '--generation', newest, '--to', whole]))
      await using later = await serve(t.path, { dataDir: whole })
      assert.equal(await later.isWhole('v2'), true, 'a blob that a later backup has copied comes back, too')
    })

    test('manifests whose files are damaged or missing are in a backup, and come back', async () => {
      await using t = await open(engine)
      const damaged = await t.server.push('v1', 'layer')
      const missing = await t.server.push('v2', 'layer', 'other')
      const file = blobFile(t.dataDir, damaged.digest)
      await writeFile(file, 'x'.repeat((await stat(file)).size))
      await rm(blobFile(t.dataDir, missing.digest))
      const { blobs, bad } = JSON.parse(done(await t.backUp()))
      assert.deepEqual([blobs, bad], [6, 0])
      for (const { digest } of [damaged, missing])
        assert.equal(hashSha256(await readFile(blobFile(t.backups, digest))), digest)
      const target = join(t.path, 'restored')
      done(await runCli(['restore', t.backups, '--to', target]))
      await using server = await serve(t.path, { dataDir: target })
      assert.deepEqual([await server.isWhole('v1'), await server.isWhole('v2')], [true, true])
    })

    test('old generations go once newer ones are complete, with the blobs that only they name', async () => {
      await using t = await open(engine)
      const one = await t.server.push('v1', 'only in one')
      const first = JSON.parse(done(await t.backUp()))
      done(await t.berth(['tag', 'delete', REPOSITORY, 'v1', '--yes', '--data', t.dataDir]))
      await t.server.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${one.digest}`)
      done(await t.berth(['trash', 'empty', '--yes', '--data', t.dataDir]))
      done(await t.berth(['gc', '--data', t.dataDir]))
      await t.server.push('v2', 'in two')
      const second = JSON.parse(done(await t.backUp()))
      const layer = one.layers[1] ?? ''
      assert.equal(existsSync(blobFile(t.backups, layer)), true)
      const third = JSON.parse(done(await t.backUp('--keep', '2')))
      assert.deepEqual(third.removed.generations, [first.generation])
      assert.deepEqual(readdirSync(join(t.backups, 'generations')), [second.generation, third.generation])
      assert.match(done(await runCli(['backup', 'verify', t.backups, '--quick'])), /is whole/)
    })
  })
}
