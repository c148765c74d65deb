import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makePair } from '../../../../test/support/acme/acme-pair.ts'
import { settle, wishFor } from '../../../../test/support/acme/acme-room.ts'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { CertificateStore } from '../../folder/certificate-store.ts'
import { createFolderKeeper } from './folder-keeper.ts'

const NAME = 'app.example.com'

test('`createFolderKeeper()` serves what a CA sent, and tells it from what the operator has put there', async () => {
  await using pair = await makePair()
  await settle(pair.room, wishFor([NAME]), wishFor(['*.example.net', '192.0.2.1'], {}))
  const issued = pair.room.keeper.pairs.get(NAME) ?? { chainPem: '', keyPem: '' }
  await using temp = await makeTempFolder('keeper')
  const [own, theirs] = ['own', 'theirs'].map((name) => join(temp.path, name))
  assert.ok(own !== undefined && theirs !== undefined)
  await mkdir(own)
  await mkdir(theirs)
  using store = await CertificateStore.open({ folders: [theirs, own] })
  const keeper = createFolderKeeper(store, own)
  assert.deepEqual(await keeper.list(), [])
  await keeper.install(NAME, issued)
  const [listed] = await keeper.list()
  assert.equal(listed?.origin, 'acme')
  assert.deepEqual(listed?.names, { dns: [NAME], addresses: [] })
  assert.match(listed?.ariId ?? '', /^[\w-]+\.[\w-]+$/)
  assert.equal(listed?.notAfter, new X509Certificate(issued.chainPem).validToDate.getTime())
  assert.ok(store.find(NAME), 'it is served')
  await createFolderKeeper(store, theirs).install(NAME, issued)
  const origins = (await keeper.list()).map(({ origin }) => origin)
  assert.deepEqual(origins.toSorted(), ['acme', 'operator'])
})
