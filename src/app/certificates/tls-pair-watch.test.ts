import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { makePaper, type PaperCertificate } from '../../../test/support/certificates/paper-ca.ts'
import { openTestLoneDoor } from '../../../test/support/door/lone-door.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { createLogger } from '../../log/logger.ts'
import { TlsPairWatch } from './tls-pair-watch.ts'

const EVERY_MS = 10

/** Fingerprint of the certificate a listener shows. */
async function shownBy(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

function makeServer(name: string): PaperCertificate {
  return makePaper(name, { names: [`${name}.test`] })
}

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

test('`TlsPairWatch` serves what the files hold, and the pair before it where they hold none', async () => {
  await using folder = await makeTempFolder('tls-watch')
  const files = { certFile: join(folder.path, 'a.crt'), keyFile: join(folder.path, 'a.key') }
  const write = async (certificate: PaperCertificate, key = certificate): Promise<void> => {
    await replace(files.certFile, certificate.pem)
    await replace(files.keyFile, key.keyPem)
  }
  const [first, second, third] = [makeServer('a'), makeServer('b'), makeServer('c')]
  const log: { msg: string }[] = []
  const logger = createLogger(
    { level: 'info', format: 'json' },
    { write: (line) => void log.push(JSON.parse(line)) },
  )
  await assert.rejects(open(), { code: 'TLS_FILES_UNUSABLE' })
  await write(first, second)
  await assert.rejects(open(), { code: 'TLS_FILES_UNUSABLE' })

  await write(first)
  await using watch = await open()
  const listener = await openTestLoneDoor((_request, response) => response.end(), { pair: () => watch.pair })
  await using _stop = { [Symbol.asyncDispose]: () => listener.stop(AbortSignal.abort()) }
  const oneMoreLine = async (before: number): Promise<void> => {
    while (log.length <= before) await sleep(EVERY_MS)
    await sleep(10 * EVERY_MS)
    assert.equal(log.length, before + 1, JSON.stringify(log))
  }
  assert.equal(await shownBy(listener.url), first.certificate.fingerprint256)
  const context = watch.context
  await write(second)
  while ((await shownBy(listener.url)) !== second.certificate.fingerprint256) await sleep(EVERY_MS)
  assert.notEqual(watch.context, context)

  for (const spoil of [
    () => replace(files.certFile, third.pem),
    () => replace(files.certFile, 'nothing'),
    () => rm(files.keyFile),
  ]) {
    const before = log.length
    await spoil()
    await oneMoreLine(before)
    assert.match(log.at(-1)?.msg ?? '', /stays in force/)
    assert.equal(await shownBy(listener.url), second.certificate.fingerprint256)
  }
  await write(third)
  while ((await shownBy(listener.url)) !== third.certificate.fingerprint256) await sleep(EVERY_MS)

  function open(): Promise<TlsPairWatch> {
    return TlsPairWatch.open(files, { logger, everyMs: EVERY_MS })
  }
})
