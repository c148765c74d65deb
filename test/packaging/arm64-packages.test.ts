import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { findElfFiles } from './elf-files.ts'
import { pack } from './packages.ts'

/** Number of the processor in an ELF header (EM_AARCH64). */
const ARM64 = 183
const TOOLS = ['nfpm', 'dpkg-deb', 'rpm', 'readelf', 'aarch64-linux-gnu-strip'] as const

describe('packages for arm64', { skip: skipReason(...TOOLS) }, () => {
  let temp: TempFolder
  before(async () => {
    temp = await makeTempFolder('arm64-packages')
  })
  after(() => temp[Symbol.asyncDispose]())

  it('are a deb with the executable of arm64, and what does not depend on it', async () => {
    const deb = await pack('deb', temp.path, '--arch', 'arm64')
    assert.match(deb, /berth_0\.1\.0_arm64\.deb$/)
    assert.equal((await runOk('dpkg-deb', ['--field', deb, 'Architecture'])).trim(), 'arm64')
    const root = join(temp.path, 'root')
    await mkdir(root)
    await runOk('dpkg-deb', ['--extract', deb, root])
    const programs = await findElfFiles(root)
    assert.deepEqual(
      programs.map(({ path, machine }) => [path, machine]),
      [['/usr/bin/berth', ARM64]],
    )
    const listed = await runOk('dpkg-deb', ['--contents', deb])
    assert.match(listed, /bash-completion\/completions\/berth$/m)
  })

  it('are an rpm', async () => {
    const rpm = await pack('rpm', temp.path, '--arch', 'arm64')
    assert.equal(await runOk('rpm', ['-qp', '--queryformat', '%{ARCH}', rpm]), 'aarch64')
  })
})
