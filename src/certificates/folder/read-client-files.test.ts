import assert from 'node:assert/strict'
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeRevocations } from '../../../test/support/certificates/client-papers.ts'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { CertificateStore } from './certificate-store.ts'
import { type ClientFiles, readClientFiles } from './read-client-files.ts'

const NOTHING: ClientFiles = new Map()
const CA = makePaper('Paper CA')
const UPPER = makePaper('Paper upper CA')

async function read(folder: string, before = NOTHING, now = Date.now()): Promise<ClientFiles> {
  return await readClientFiles(folder, before, now)
}

/** The files, in short. */
function inShort(files: ClientFiles): Record<string, string | number> {
  return Object.fromEntries(
    [...files].map(([name, { content, problem }]) => [name, problem ?? content?.length ?? '']),
  )
}

describe('`readClientFiles()`', () => {
  test('reads CAs and revocation lists as people keep them, several in a file', async () => {
    await using temp = await makeTempFolder('clients')
    const write = (name: string, text: string): Promise<void> => writeFile(join(temp.path, name), text)
    await write('ca.crt', `Our CAs:\r\n${CA.pem.replaceAll('\n', '\r\n')}${UPPER.pem}`)
    await write('A.Example.com.ca.crt', CA.pem + CA.keyPem)
    await write('a.example.com.crl.pem', makeRevocations(CA, []) + makeRevocations(UPPER, []))
    await write('a.example.com.crt', CA.pem)
    await symlink('ca.crt', join(temp.path, 'b.example.com.ca.crt'))
    const files = await read(temp.path)
    assert.deepEqual(inShort(files), {
      'a.example.com.ca.crt': 1,
      'a.example.com.crl.pem': 2,
      'b.example.com.ca.crt': 2,
      'ca.crt': 2,
    })
    const again = await read(temp.path, files)
    for (const [name, file] of again) assert.equal(file, files.get(name))
  })

  test('says what is wrong with a file, and keeps nothing of what was in it', async () => {
    await using temp = await makeTempFolder('clients')
    const path = join(temp.path, 'ca.crt')
    await writeFile(path, CA.pem)
    let files = await read(temp.path)
    for (const [text, problem] of [
      ['', 'ca.crt cannot be used: there is no certificate in it'],
      [CA.pem.replace('END', 'and'), /damaged \(its END line is missing/],
      [CA.pem.replace(/\n[^-]{10}/, '\nAAAAAAAAAA'), /one of its certificates is damaged/],
      [CA.pem + CA.pem.replace(/.{9}\n-----END/, '!\n-----END'), /a block of it is damaged/],
      [makePaper('Old', { days: [-9, -1] }).pem, /^ca\.crt has expired at \d{4}-/],
    ] as const) {
      await rm(path)
      await writeFile(path, text)
      files = await read(temp.path, files)
      const { 'ca.crt': found } = inShort(files)
      if (typeof problem === 'string') assert.equal(found, problem)
      else assert.match(String(found), problem)
    }
    await rm(path)
    await mkdir(path)
    assert.match(String(inShort(await read(temp.path, files))['ca.crt']), /ca\.crt is a folder/)
  })

  test('sees a list expire though its file does not change', async () => {
    await using temp = await makeTempFolder('clients')
    await writeFile(join(temp.path, 'ca.crl.pem'), makeRevocations(CA, []))
    const files = await read(temp.path)
    assert.deepEqual(inShort(files), { 'ca.crl.pem': 1 })
    const later = await read(temp.path, files, Date.now() + 31 * 86_400_000)
    assert.match(String(inShort(later)['ca.crl.pem']), /^ca\.crl\.pem has expired at/)
    assert.equal(
      (await read(temp.path, later, Date.now() + 32 * 86_400_000)).get('ca.crl.pem'),
      later.get('ca.crl.pem'),
    )
  })

  test('lets a file count for ten seconds after it went, and all of them where the folder went', async () => {
    await using temp = await makeTempFolder('clients')
    const folder = join(temp.path, 'certs')
    await mkdir(folder)
    await writeFile(join(folder, 'ca.crt'), CA.pem)
    const files = await read(folder, NOTHING, 1_000_000)
    await rename(join(folder, 'ca.crt'), join(temp.path, 'ca.crt'))
    const gone = await read(folder, files, 1_010_000)
    assert.deepEqual(inShort(gone), { 'ca.crt': 1 })
    assert.deepEqual(inShort(await read(folder, gone, 1_019_999)), { 'ca.crt': 1 })
    assert.deepEqual(inShort(await read(folder, gone, 1_020_000)), {})
    await rename(join(temp.path, 'ca.crt'), join(folder, 'ca.crt'))
    const back = await read(folder, gone, 1_012_000)
    assert.equal(back.get('ca.crt')?.content, files.get('ca.crt')?.content)
    await rm(folder, { recursive: true })
    assert.deepEqual(inShort(await read(folder, back, 9_000_000)), { 'ca.crt': 1 })
  })
})

describe('`CertificateStore` and clients', () => {
  test('takes ca.crt for no pair of a host "ca"', async () => {
    await using temp = await makeTempFolder('clients')
    await writeFile(join(temp.path, 'ca.crt'), CA.pem)
    await writeFile(join(temp.path, 'ca.key'), CA.keyPem)
    using store = await CertificateStore.open({ folders: [temp.path] })
    assert.deepEqual(store.list(), [])
    assert.equal(store.findClients('app.example.com')?.authority?.file, 'ca.crt')
  })

  test('reads no CAs of clients in the folder that Berth fills by itself', async () => {
    await using temp = await makeTempFolder('clients')
    const { pem, keyPem } = makePaper('example.ca', { names: ['example.ca'] })
    await writeFile(join(temp.path, 'example.ca.crt'), pem)
    await writeFile(join(temp.path, 'example.ca.key'), keyPem)
    await writeFile(join(temp.path, 'ca.crt'), CA.pem)
    using store = await CertificateStore.open({ folders: [temp.path], issued: temp.path })
    assert.ok(store.find('example.ca'))
    for (const host of ['example', 'app.example.com']) assert.equal(store.findClients(host), undefined)
  })

  test('takes example.ca.crt with a key beside it for the pair of example.ca, which is in Canada', async () => {
    await using temp = await makeTempFolder('clients')
    const { pem, keyPem } = makePaper('example.ca', { names: ['example.ca'] })
    await writeFile(join(temp.path, 'example.ca.crt'), pem)
    await writeFile(join(temp.path, 'example.ca.key'), keyPem)
    await writeFile(join(temp.path, 'a.example.com.ca.crt'), CA.pem)
    await writeFile(join(temp.path, 'a.example.com.ca.key'), CA.keyPem)
    const lines: unknown[] = []
    const log = (...words: unknown[]): void => void lines.push(words)
    using store = await CertificateStore.open({ folders: [temp.path], log: { info: log, warn: log } })
    assert.ok(store.find('example.ca'))
    assert.equal(store.findClients('example.ca'), undefined)
    assert.equal(store.findClients('a.example.com')?.authority?.file, 'a.example.com.ca.crt')
    await store.refresh()
    assert.deepEqual(lines, [])
  })

  test('finds the files of wildcards by their name, and of regular expressions by its SHA-1', async () => {
    await using temp = await makeTempFolder('clients')
    await writeFile(join(temp.path, '*.example.com.ca.crt'), CA.pem)
    await writeFile(join(temp.path, 'c747fe82e71a791b505caca17d20cf828cda9059.ca.crt'), CA.pem)
    using store = await CertificateStore.open({ folders: [temp.path] })
    assert.equal(store.findClients('*.example.com')?.authority?.file, '*.example.com.ca.crt')
    assert.equal(
      store.findClients('~^a$')?.authority?.file,
      'c747fe82e71a791b505caca17d20cf828cda9059.ca.crt',
    )
    for (const host of ['a.example.com', 'example.com', '~^b$'])
      assert.equal(store.findClients(host), undefined)
  })

  test('lets nobody in where its folder could not be read, rather than everybody', async () => {
    await using temp = await makeTempFolder('clients')
    const file = join(temp.path, 'no-folder')
    await writeFile(file, '')
    await chmod(file, 0o600)
    using store = await CertificateStore.open({ folders: [file] })
    assert.match(
      store.findClients('app.example.com')?.problem ?? '',
      /it is not known which clients may come in/,
    )
  })

  test('tells once of each change of who is let in', async ({ mock }) => {
    await using temp = await makeTempFolder('clients')
    const path = join(temp.path, 'a.example.com.ca.crt')
    await writeFile(path, 'nonsense')
    const lines: string[] = []
    const log = (...words: unknown[]): void => void lines.push(String(words[1]))
    using store = await CertificateStore.open({ folders: [temp.path], log: { info: log, warn: log } })
    assert.deepEqual(lines.splice(0), [
      'certificates: a.example.com.ca.crt cannot be used: there is no certificate in it. Put one into it, in PEM. Its hosts are closed until then.',
    ])
    await writeFile(join(temp.path, 'ca.crt'), CA.pem)
    await store.refresh()
    assert.deepEqual(lines.splice(0), [
      'certificates: visitors of all hosts without a file of their own show a certificate of a CA in ca.crt',
    ])
    await writeFile(path, CA.pem)
    await store.refresh()
    await store.refresh()
    assert.deepEqual(lines.splice(0), [
      'certificates: visitors of a.example.com show a certificate of a CA in a.example.com.ca.crt',
    ])
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    await rm(path)
    await store.refresh()
    assert.deepEqual(lines.splice(0), [])
    mock.timers.tick(10_000)
    await store.refresh()
    assert.deepEqual(lines, [
      `certificates: ${path} is gone, and client certificates are no longer checked by it`,
    ])
    assert.equal(store.findClients('a.example.com')?.authority?.file, 'ca.crt')
  })
})
