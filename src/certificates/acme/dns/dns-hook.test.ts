import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { createDnsHook } from './dns-hook.ts'
import type { ChallengeRecord } from './dns-records.ts'

const RECORD: ChallengeRecord = {
  name: '_acme-challenge.example.com',
  value: 'a-value; $(touch /tmp/never) `id`',
  identifier: 'example.com',
}

/** A hook of these lines of shell, and a file it may write to as `$OUT`. */
async function makeHook(lines: string): Promise<{ file: string; out: string } & AsyncDisposable> {
  const folder = await makeTempFolder('hook')
  const file = join(folder.path, 'hook.sh')
  const out = join(folder.path, 'out')
  await writeFile(file, `#!/bin/sh\nOUT='${out}'\n${lines}\n`, { mode: 0o755 })
  return { file, out, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

describe('`createDnsHook()`', () => {
  test('runs the program with arguments and variables, without a shell', async () => {
    await using hook = await makeHook(
      'printf "%s|" "$#" "$@" "$BERTH_ACME_ACTION" "$BERTH_ACME_RECORD" "$BERTH_ACME_NAME" >> "$OUT"',
    )
    const records = createDnsHook(hook.file)
    await records.add(RECORD, undefined)
    await records.remove(RECORD, undefined)
    const line = (action: string): string =>
      ['3', action, RECORD.name, RECORD.value, action, RECORD.name, 'example.com', ''].join('|')
    assert.equal(await readFile(hook.out, 'utf8'), line('add') + line('remove'))
  })

  test('keeps the secrets of Berth to itself', async () => {
    await using hook = await makeHook('env > "$OUT"')
    process.env.BERTH_ACME_EAB_HMAC_KEY = 'own secret'
    process.env.PROVIDER_TOKEN = 'secret of the hook'
    try {
      await createDnsHook(hook.file).add(RECORD, undefined)
    } finally {
      delete process.env.BERTH_ACME_EAB_HMAC_KEY
      delete process.env.PROVIDER_TOKEN
    }
    const seen = await readFile(hook.out, 'utf8')
    assert.doesNotMatch(seen, /own secret/)
    assert.match(seen, /PROVIDER_TOKEN=secret of the hook/)
  })

  test('reports the exit code and the last words', async () => {
    await using hook = await makeHook('echo "no such zone" >&2\nexit 3')
    await assert.rejects(createDnsHook(hook.file).add(RECORD, undefined), {
      code: 'ACME_DNS_FAILED',
      message: /ended with 3; it said: no such zone/,
      remedy: /by hand/,
    })
  })

  test('ends a program that hangs, and what it has started', async () => {
    await using hook = await makeHook('sleep 600 &\necho "$!" > "$OUT"\nwait')
    await assert.rejects(createDnsHook(hook.file, 300).add(RECORD, undefined), {
      message: /took longer than 0\.3 s/,
    })
    const child = Number(await readFile(hook.out, 'utf8'))
    // It ends as soon as the system handles the signal; a zombie without a parent may linger, but does not run.
    const status = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => 'gone')
    assert.ok(status === 'gone' || / Z /.test(status) || !(await isAliveAfter(child)), status)
  })

  test('does not wait for a program that was left behind with the output open', async () => {
    await using hook = await makeHook('sleep 600 &\necho "$!" > "$OUT"')
    await createDnsHook(hook.file).add(RECORD, undefined)
    process.kill(Number(await readFile(hook.out, 'utf8')), 'SIGKILL')
  })

  test('keeps little of what a program writes without end', async () => {
    await using hook = await makeHook('head -c 5000000 /dev/zero | tr "\\0" x\necho the end\nexit 1')
    await assert.rejects(createDnsHook(hook.file).add(RECORD, undefined), (error: Error) => {
      assert.match(error.message, /the end$/)
      return error.message.length < 3000
    })
  })

  test('says why a program cannot be run', async () => {
    await assert.rejects(createDnsHook('/nowhere/hook').add(RECORD, undefined), {
      message: /cannot be run: .*ENOENT/,
    })
  })

  test('ends with the manager', async () => {
    await using hook = await makeHook('sleep 600')
    const stop = new AbortController()
    const running = createDnsHook(hook.file).add(RECORD, stop.signal)
    stop.abort()
    await assert.rejects(running, { message: /was ended by SIGKILL/ })
  })
})

async function isAliveAfter(pid: number): Promise<boolean> {
  for (let left = 50; left > 0; left--) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    if (status === undefined || / Z /.test(status)) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}
