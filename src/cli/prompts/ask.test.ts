import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { NO_TERMINAL, runOnTerminal } from '../../../test/support/program/terminal.ts'

const CTRL_D = '\x04'

describe('a question on a terminal', {
  skip: NO_TERMINAL,
  timeout: 120_000,
}, () => {
  it('is cancelled by Ctrl-D, in the words of Berth, and stands on one line where the terminal knows no width', async () => {
    await using temp = await makeTempFolder('ask')
    const data = join(temp.path, 'data')
    const { code, output } = await runOnTerminal(`user add alice --new --data ${data}`, [
      { question: /New password of alice/, key: CTRL_D },
    ])
    assert.equal(code, 1, output)
    assert.match(output, /error\[CANCELLED\]: No password was given\. Nothing was changed\./)
    assert.doesNotMatch(output, /unsettled/)
    assert.equal(existsSync(data), false)
  })
})
