import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { cleanEnvironment } from '../../../test/support/program/served-berth.ts'

const BERTH = fileURLToPath(new URL('../../../bin/berth', import.meta.url))
const CTRL_D = '\x04'

/** Runs a command on a terminal that does not know its size, and types a key once a question is there. */
async function typeAt(command: string, { question, key }: { question: RegExp; key: string }) {
  const child = spawn('script', ['--quiet', '--return', '--command', `${BERTH} ${command}`, '/dev/null'], {
    ...{ stdio: ['pipe', 'pipe', 'inherit'], env: cleanEnvironment() },
  })
  let output = ''
  let isTyped = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (isTyped || !question.test(output)) return
    isTyped = true
    child.stdin.write(key)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

describe('a question on a terminal', {
  skip: existsSync('/usr/bin/script') ? false : 'needs script, to have a terminal',
  timeout: 120_000,
}, () => {
  it('is cancelled by Ctrl-D, in the words of Berth, and stands on one line where the terminal knows no width', async () => {
    await using temp = await makeTempFolder('ask')
    const data = join(temp.path, 'data')
    const { code, output } = await typeAt(`user add alice --new --data ${data}`, {
      question: /New password of alice/,
      key: CTRL_D,
    })
    assert.equal(code, 1, output)
    assert.match(output, /error\[CANCELLED\]: No password was given\. Nothing was changed\./)
    assert.doesNotMatch(output, /unsettled/)
    assert.equal(existsSync(data), false)
  })
})
