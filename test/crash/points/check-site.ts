import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { uploadFolder } from '../../../src/blobs/disk/layout.ts'
import { OciError } from '../../../src/oci/errors.ts'
import { dropEnded } from '../../../src/upkeep/scrub/drop-ended.ts'
import { checkServed, findNeeded, listStore } from '../../races/collection/check-world.ts'
import { createBody } from '../../support/memory/registry-room.ts'
import type { Ledger } from './operations/ledger.ts'
import { POLICY, type Site } from './site.ts'

/** Checks what is served: what was acknowledged is there, what is there is whole. */
export async function checkSite(site: Site, ledger: Ledger): Promise<void> {
  await ledger.check(site)
  await checkServed({ nodes: [site], store: site.store, damaged: ledger.damaged }, ledger.pushed())
}

/** An upload resumes at an offset that is true, or has ended: the rest of its bytes gives the digest of all. */
export async function finishUpload({ registry }: Site, { upload }: Ledger): Promise<void> {
  if (!upload) return
  try {
    const { offset } = await registry.getUploadStatus(upload.key)
    assert.ok(offset >= upload.offset, `the upload is at ${offset}, ${upload.offset} was acknowledged`)
    await registry.finishUpload(upload.key, upload.digest, createBody(upload.text.slice(offset)))
  } catch (error) {
    const isGone = error instanceof OciError && error.code === 'BLOB_UPLOAD_UNKNOWN'
    if (!isGone || !upload.mayHaveEnded) throw error
  }
  upload.mayHaveEnded = true
}

/** With enough time and rounds exactly what tags need is left: no file, no row and no entry of the queue besides. */
export async function checkNothingLeaks(site: Site): Promise<void> {
  await site.expireUploads()
  await site.sweep()
  // Three times: what leaves the trash may itself have been used until then.
  for (let round = 0; round < 3; round++) {
    site.clock.now += POLICY.keepMs + POLICY.relyMs + 1
    await site.collect()
  }
  await dropEnded({ blobs: site.store, facts: site.scrubFacts }, POLICY.keepMs)
  const world = { nodes: [site], store: site.store }
  assert.deepEqual((await listStore(world)).sort(), [...(await findNeeded(world))].sort())
  assert.deepEqual(await readdir(uploadFolder(site.place.blobsFolder)), [], 'files of uploads are left')
  const aside = await readdir(join(site.place.blobsFolder, 'berth-quarantine')).catch(() => [])
  assert.deepEqual(aside, [], 'bytes that were set aside are left')
  const entries = await site.facts.countQueue(POLICY)
  assert.deepEqual(
    entries.filter(({ count }) => count > 0),
    [],
    'entries of the queue are left',
  )
  assert.deepEqual(await site.metadata.listStaleUploads(-60_000, 10), [], 'rows of uploads are left')
}
