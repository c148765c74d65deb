import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeMail, makePaper, type PaperCertificate } from '../../../test/support/certificates/paper-ca.ts'
import { runOk } from '../../../test/support/machine/run-command.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { installPair } from '../install/install-pair.ts'
import { CertificateStore } from './certificate-store.ts'

/** Longest wait for a change to be seen, in ms: the watch needs 0.2 s, the poll 5 s. */
const SEEN_WITHIN_MS = 60_000
const NAME = 'app.example.com'
const paper = (names: readonly string[] = [NAME]): PaperCertificate => makePaper(names[0] ?? '', { names })

async function write(folder: string, name: string, { pem, keyPem }: PaperCertificate): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${name}.crt`), pem)
  await writeFile(join(folder, `${name}.key`), keyPem)
}

/** A store, and a way to wait until a change has brought it to a state. */
async function openStore(...folders: string[]) {
  const waiting = new Set<() => void>()
  const warnings: string[] = []
  const store = await CertificateStore.open({
    folders,
    onChange: () => {
      for (const look of waiting) look()
    },
    log: { info: () => {}, warn: (...words: unknown[]) => void warnings.push(words.map(String).join(' ')) },
  })
  const until = async (isSo: () => boolean): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error('nothing changed')), SEEN_WITHIN_MS)
    const look = (): void => {
      if (isSo()) resolve()
    }
    waiting.add(look)
    look()
    await promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(look)
    })
  }
  const served = (host = NAME): string | undefined => store.choose(host).found?.pair.fingerprint
  return { store, until, served, warnings, [Symbol.dispose]: () => store[Symbol.dispose]() }
}

describe('`CertificateStore`', () => {
  it('is not held up by a pipe, a folder or a link to itself in place of a file', async () => {
    await using temp = await makeTempFolder('certs')
    await write(temp.path, NAME, paper())
    for (const ending of ['crt', 'key']) {
      await runOk('mkfifo', [join(temp.path, `pipe.example.com.${ending}`)])
      await symlink(`loop.example.com.${ending}`, join(temp.path, `loop.example.com.${ending}`))
      await mkdir(join(temp.path, `folder.example.com.${ending}`))
    }
    using opened = await openStore(temp.path)
    assert.ok(opened.store.find(NAME))
    const problems = opened.store
      .list()
      .flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}`] : []))
    assert.match(problems.join('\n'), /^folder\.example\.com: .* is a folder$/m)
    assert.match(problems.join('\n'), /^loop\.example\.com: .* cannot be read \(ELOOP\)$/m)
    assert.match(problems.join('\n'), /^pipe\.example\.com: .* is a pipe or a device, not a file$/m)
  })

  it('serves a pair of files, whatever their order, with its issuers but without the root', async () => {
    await using temp = await makeTempFolder('certs')
    const { root, upper, lower, leaf } = makeMail([NAME])
    await write(temp.path, NAME, { ...leaf, pem: `${root.pem}${upper.pem}${lower.pem}${leaf.pem}` })
    using opened = await openStore(temp.path)
    const pair = opened.store.choose(NAME).found?.pair
    assert.equal(pair?.chainPem, `${leaf.pem}${lower.pem}${upper.pem}`)
    assert.ok(opened.store.find(NAME))
    assert.equal(opened.store.find(NAME), opened.store.find(NAME), 'the context is made once')
    assert.equal(opened.store.find('other.example'), undefined)
  })

  it('reads acme-companion’s layout: links, wildcards, and folders whose links were taken away', async () => {
    await using temp = await makeTempFolder('certs')
    const mail = makeMail([NAME])
    const wildcard = makePaper('example.org', { names: ['*.example.org', 'example.org'] })
    const test = makePaper('test.example.net', { names: ['test.example.net'] })
    for (const [base, { pem, keyPem }] of [
      [NAME, mail.leaf],
      ['wildcard_example.org', wildcard],
      ['_test_test.example.net', test],
    ] as const) {
      await mkdir(join(temp.path, base))
      await writeFile(join(temp.path, base, 'fullchain.pem'), pem)
      await writeFile(join(temp.path, base, 'key.pem'), keyPem)
      await writeFile(join(temp.path, base, '.companion'), '')
    }
    await writeFile(join(temp.path, NAME, 'chain.pem'), `${mail.lower.pem}${mail.upper.pem}`)
    await symlink('./wildcard_example.org/fullchain.pem', join(temp.path, 'example.org.crt'))
    await symlink('./wildcard_example.org/key.pem', join(temp.path, 'example.org.key'))
    using opened = await openStore(temp.path)
    const by = (host: string) => {
      const { found, rule } = opened.store.choose(host)
      return found && [found.name, rule]
    }
    assert.deepEqual(by('x.example.org'), ['example.org', 'parent'])
    assert.deepEqual(by(NAME), [NAME, 'covers'])
    assert.equal(
      opened.store.choose(NAME).found?.pair.chainPem,
      `${mail.leaf.pem}${mail.lower.pem}${mail.upper.pem}`,
    )
    assert.deepEqual(by('test.example.net'), undefined)
    assert.equal(opened.store.list().length, 3, 'a folder with a link to it counts once')
  })

  it('completes a chain from <name>.chain.pem', async () => {
    await using temp = await makeTempFolder('certs')
    const { upper, lower, leaf } = makeMail([NAME])
    await write(temp.path, NAME, leaf)
    await writeFile(join(temp.path, `${NAME}.chain.pem`), `${lower.pem}${upper.pem}`)
    using opened = await openStore(temp.path)
    assert.equal(opened.store.choose(NAME).found?.pair.chainPem, `${leaf.pem}${lower.pem}${upper.pem}`)
  })

  it('takes new files within two seconds, and the folder itself when it comes later', async () => {
    await using temp = await makeTempFolder('certs')
    const folder = join(temp.path, 'certs')
    await mkdir(folder)
    using opened = await openStore(folder)
    const first = paper()
    await write(folder, NAME, first)
    await opened.until(() => opened.served() === first.certificate.fingerprint256)
    const second = paper()
    await installPair(folder, NAME, { chainPem: second.pem, keyPem: second.keyPem })
    await opened.until(() => opened.served() === second.certificate.fingerprint256)
    const third = paper()
    await installPair(folder, NAME, { chainPem: third.pem, keyPem: third.keyPem })
    await opened.until(() => opened.served() === third.certificate.fingerprint256)
  })

  it('takes a link whose target changes in another folder', async () => {
    await using temp = await makeTempFolder('certs')
    const [folder, elsewhere] = [join(temp.path, 'certs'), join(temp.path, 'live')]
    await write(elsewhere, 'x', paper())
    await mkdir(folder)
    await symlink(join(elsewhere, 'x.crt'), join(folder, `${NAME}.crt`))
    await symlink(join(elsewhere, 'x.key'), join(folder, `${NAME}.key`))
    using opened = await openStore(folder)
    assert.ok(opened.served())
    const renewed = paper()
    await write(elsewhere, 'x', renewed)
    await opened.until(() => opened.served() === renewed.certificate.fingerprint256)
  })

  it('keeps the last good pair while what is there cannot be used, and says why once', async () => {
    await using temp = await makeTempFolder('certs')
    const good = paper()
    await write(temp.path, NAME, good)
    using opened = await openStore(temp.path)
    const states: readonly (readonly [what: RegExp, act: () => Promise<void>])[] = [
      [/key is not that of the certificate/, () => writeFile(join(temp.path, `${NAME}.key`), paper().keyPem)],
      [
        /content is damaged|no certificate|neither/,
        () => writeFile(join(temp.path, `${NAME}.crt`), 'rubbish'),
      ],
      [/is missing/, () => rm(join(temp.path, `${NAME}.key`))],
    ]
    for (const [what, act] of states) {
      await act()
      await opened.until(() => what.test(opened.store.list()[0]?.problem ?? ''))
      assert.equal(opened.served(), good.certificate.fingerprint256)
      assert.match(opened.store.choose(NAME).note ?? '', /those before are served/)
    }
    assert.equal(opened.warnings.length, states.length)
    const better = paper()
    await write(temp.path, NAME, better)
    await opened.until(() => opened.served() === better.certificate.fingerprint256)
    assert.equal(opened.store.choose(NAME).note, undefined)
  })

  it('refuses an encrypted key with what to do about it', async () => {
    await using temp = await makeTempFolder('certs')
    const pair = paper()
    const keyPem = pair.key.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret words',
    })
    await write(temp.path, NAME, { ...pair, keyPem: keyPem.toString() })
    using opened = await openStore(temp.path)
    assert.equal(opened.store.find(NAME), undefined)
    assert.match(opened.store.list()[0]?.problem ?? '', /encrypted/)
    assert.match(opened.store.choose(NAME).note ?? '', /cannot be used/)
  })

  it('isolates a broken pair from all others', async () => {
    await using temp = await makeTempFolder('certs')
    await write(temp.path, NAME, paper())
    await writeFile(join(temp.path, 'broken.example.crt'), 'rubbish')
    await mkdir(join(temp.path, 'folder.crt'))
    await symlink('./nowhere', join(temp.path, 'dangling.crt'))
    using opened = await openStore(temp.path)
    assert.ok(opened.served())
    assert.equal(opened.store.list().filter(({ problem }) => problem !== undefined).length, 3)
  })

  it('forgets a pair whose files the operator takes away, and nothing else', async () => {
    await using temp = await makeTempFolder('certs')
    await write(temp.path, NAME, paper())
    await write(temp.path, 'other.example', paper(['other.example']))
    using opened = await openStore(temp.path)
    await rename(join(temp.path, `${NAME}.crt`), join(temp.path, 'away'))
    await opened.until(() => opened.served() === undefined)
    assert.ok(opened.served('other.example'))
  })

  it('looks into its folders in order', async () => {
    await using temp = await makeTempFolder('certs')
    const [first, second] = [paper(), paper()]
    await write(join(temp.path, 'a'), NAME, first)
    await write(join(temp.path, 'b'), NAME, second)
    using opened = await openStore(join(temp.path, 'a'), join(temp.path, 'b'))
    assert.equal(opened.served(), first.certificate.fingerprint256)
    assert.deepEqual(
      opened.store.list().map(({ folder }) => folder),
      [join(temp.path, 'a'), join(temp.path, 'b')],
    )
  })
})
