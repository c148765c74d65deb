import assert from 'node:assert/strict'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { hashContent } from '../../../oci/digest.ts'
import { parseTag } from '../../../oci/reference.ts'
import { parseRepositoryName } from '../../../oci/repository-name.ts'
import { createLinkWriter } from './link-writer.ts'

test('a symbolic link in the place of a new file is not followed', async () => {
  await using folder = await makeTempFolder('link-writer')
  const victim = join(folder.path, 'victim')
  writeFileSync(victim, 'of another user')
  const top = join(folder.path, 'repositories')
  const writer = createLinkWriter(top, { owner: undefined, trustsPresent: true })
  const [name, tag] = [parseRepositoryName('team/app'), parseTag('v1')]
  const write = (content: string): Promise<number> =>
    writer.writeTags(name, [{ name: tag, digest: hashContent(content), at: 0 }])
  await write('one')
  const link = join(top, 'team/app/_manifests/tags/v1/current/link')
  symlinkSync(victim, `${link}.new`)
  await assert.rejects(write('two'), { code: 'ELOOP' })
  assert.equal(readFileSync(victim, 'utf8'), 'of another user')
  assert.equal(readFileSync(link, 'utf8'), hashContent('one'))
})
