import assert from 'node:assert/strict'
import { appendFile, chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { mailCertificates } from '../support/certificates/mail-certificates.ts'
import { isolatedEnvironment } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'
import { isListening } from '../support/machine/free-port.ts'
import { addHostNames } from '../support/machine/hosts-file.ts'
import { addLoopbackAddress } from '../support/machine/loopback-address.ts'
import { runCommand, runFailing, runOk } from '../support/machine/run-command.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { DES_HASH, DOMAIN, VHOST_FILE } from '../support/vhost/brief-files.ts'

/** The brief's user of each format that `openssl passwd` knows, and the DES entry that it makes no more. */
const USERS = [
  { name: 'apr1', password: 'first horse', flag: '-apr1' },
  { name: 'md5', password: 'second battery', flag: '-1' },
  { name: 'sha256', password: 'third staple', flag: '-5' },
  { name: 'sha512', password: 'fourth correct', flag: '-6' },
  { name: 'crypt', password: 'password', hash: DES_HASH },
] as const

const PARTS = ['docker', 'dockerd', 'openssl', 'ip', 'busybox', 'curl']

describe('the brief, from its first command to its last', { skip: skipReason(...PARTS) }, () => {
  const resources = new AsyncDisposableStack()
  let home: string
  let address: string
  let daemon: StartedDaemon
  let berth: StartedProcess
  let env: NodeJS.ProcessEnv
  let rootFile: string
  const nginx = (...path: string[]): string => join(home, 'nginx', ...path)
  const cli = (...args: string[]): Promise<string> => runOk(BERTH_BIN, args, { cwd: home, env })
  const docker = (args: string[], input?: string | Uint8Array): Promise<string> =>
    runOk(part('docker'), args, { env, input })

  before(async () => {
    home = resources.use(await makeTempFolder('brief')).path
    address = resources.use(await addLoopbackAddress()).address
    resources.use(await addHostNames(address, [DOMAIN]))
    daemon = await startDockerd()
    resources.defer(() => daemon.stop())
    env = { ...(await isolatedEnvironment(home)), DOCKER_HOST: `unix://${daemon.socket}` }
  })
  after(() => resources.disposeAsync())

  it('makes the folders of the brief', async () => {
    await mkdir(join(home, 'registry', 'storage'), { recursive: true })
    for (const folder of ['certs', 'vhost.d', 'passwords']) await mkdir(nginx(folder), { recursive: true })
  })

  it('makes key and CSR from the line that the CSR page gives', async () => {
    const line =
      'openssl req -new -newkey rsa:2048 -nodes -out registry_example_test.csr -keyout registry_example_test.key ' +
      `-subj "/C=US/ST=Utah/L=Lehi/O=Example Inc/CN=${DOMAIN}"`
    await cli('cert', 'csr', line)
    const text = await runOk(
      'openssl',
      ['req', '-in', 'registry_example_test.csr', '-noout', '-text', '-verify'],
      {
        cwd: home,
      },
    )
    assert.match(text, new RegExp(`DNS:${DOMAIN}`))
    assert.equal((await stat(join(home, 'registry_example_test.key'))).mode & 0o777, 0o600)
  })

  it('installs what the CA mailed, in whatever order', async () => {
    const ca = join(home, 'ca')
    await mkdir(ca)
    const mailed = await mailCertificates(ca, join(home, 'registry_example_test.csr'))
    rootFile = mailed.rootFile
    await cli(
      'cert',
      'install',
      DOMAIN,
      ...mailed.files,
      'registry_example_test.key',
      '--certs',
      nginx('certs'),
    )
    const bundle = await readFile(nginx('certs', `${DOMAIN}.crt`), 'utf8')
    assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 3, 'leaf and two intermediates, no root')
    const verify = ['verify', '-CAfile', rootFile, '-untrusted', nginx('certs', `${DOMAIN}.crt`)]
    await runOk('openssl', [...verify, nginx('certs', `${DOMAIN}.crt`)])
  })

  it('has the vhost file and the password file as the brief writes them', async () => {
    await writeFile(nginx('vhost.d', DOMAIN), VHOST_FILE)
    for (const user of USERS) {
      const hash =
        'hash' in user
          ? user.hash
          : (await runOk('openssl', ['passwd', user.flag, '-stdin'], { input: user.password })).trim()
      await appendFile(nginx('passwords', DOMAIN), `${user.name}:${hash}\n`)
    }
    await chmod(nginx('passwords', DOMAIN), 0o644)
    assert.match(
      await cli('site', 'check', '--vhost-dir', nginx('vhost.d'), '--domain', DOMAIN),
      /nothing found/,
    )
  })

  it('starts with one command', async () => {
    berth = await startProcess(BERTH_BIN, {
      args: [
        ...['serve', '--domain', DOMAIN, '--registry-root', join(home, 'registry', 'storage')],
        ...['--certs', nginx('certs'), '--vhost-dir', nginx('vhost.d'), '--htpasswd-dir', nginx('passwords')],
        ...[
          '--listen-http',
          `${address}:80`,
          '--listen-https',
          `${address}:443`,
          '--docker-host',
          env.DOCKER_HOST ?? '',
        ],
        ...['--acme', 'off', '--weak-hashes'],
      ],
      logFile: join(home, 'berth.log'),
      cwd: home,
      env,
      isReady: () => isListening(443, address),
    })
    resources.defer(async () => {
      await berth.stop()
    })
  })

  it('answers /v2/ with the header the vhost file adds, on errors too, and redirects plain HTTP', async () => {
    const answer = await runOk('curl', ['-si', '--cacert', rootFile, `https://${DOMAIN}/v2/`])
    assert.match(answer, /^HTTP\/1\.1 401 /)
    assert.match(answer, /^docker-distribution-api-version: registry\/2\.0\r$/im)
    const plain = await runOk('curl', ['-si', `http://${DOMAIN}/v2/`])
    assert.match(plain, /^HTTP\/1\.1 301 /)
    assert.match(plain, new RegExp(`^location: https://${DOMAIN}/v2/\r$`, 'im'))
    assert.match(await runOk('curl', ['-si', '-X', 'POST', `http://${DOMAIN}/v2/`]), /^HTTP\/1\.1 308 /)
  })

  it('lets users of every format log in, push and pull with Docker', async () => {
    const trust = join('/etc/docker/certs.d', DOMAIN)
    await mkdir(trust, { recursive: true })
    resources.defer(() => rm(trust, { recursive: true }))
    await copyFile(rootFile, join(trust, 'ca.crt'))
    for (const { name, password } of USERS) {
      const login = ['login', '-u', name, '--password-stdin', DOMAIN]
      assert.match(await docker(login, password), /Login Succeeded/)
      const image = `${DOMAIN}/${name}/hello-world`
      await docker(['import', '-', image], makeTar(busyboxTree()))
      await docker(['push', image])
      await docker(['rmi', image])
      await docker(['pull', image])
      assert.equal(await docker(['run', '--rm', '--network=none', image, 'echo', name]), `${name}\n`)
      await docker(['logout', DOMAIN])
    }
    const wrong = ['login', '-u', 'md5', '--password-stdin', DOMAIN]
    await runFailing(part('docker'), wrong, { env, input: 'not it' })
  })

  it('answers 413 with an error that names the file and the line of the limit', async () => {
    const { stdout } = await runCommand(
      'curl',
      [
        ...['-s', '--cacert', rootFile, '-u', 'md5:second battery', '-X', 'POST'],
        ...[
          '-H',
          'Content-Type: application/octet-stream',
          '-H',
          'Expect:',
          '--data-binary',
          '@-',
          '-w',
          '\n%{http_code}',
        ],
        `https://${DOMAIN}/v2/md5/big/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`,
      ],
      { input: new Uint8Array(100 * 1024 * 1024 + 1) },
    )
    const [body = '', status] = stdout.split(/\n(?=\d+$)/)
    assert.equal(status, '413')
    const [error] = (JSON.parse(body) as { errors: { code: string; message: string }[] }).errors
    assert.equal(error?.code, 'SIZE_INVALID')
    assert.match(error?.message ?? '', new RegExp(`${DOMAIN.replaceAll('.', '\\.')}:1\\b`))
  })

  it('takes an edit of the vhost file at once, and a broken one closes this host only', async () => {
    await appendFile(nginx('vhost.d', DOMAIN), 'add_header X-Edited yes always;\n')
    await until(async () => /x-edited: yes/i.test(await head()))
    await appendFile(nginx('vhost.d', DOMAIN), 'auth_request /check;\n')
    await until(async () => /^HTTP\/1\.1 503 /.test(await head()))
    const list = (): Promise<string> =>
      cli('site', 'list', '--data', join(home, 'registry', 'storage', 'berth'))
    await until(async () => new RegExp(`${DOMAIN} +closed`).test(await list()))
    assert.match(await list(), new RegExp(`${DOMAIN}:6: "auth_request"`))
  })

  it('stops well, and its log holds no password', async () => {
    assert.equal(await berth.stop(), 0)
    const log = await readFile(join(home, 'berth.log'), 'utf8')
    for (const { password } of USERS.filter(({ name }) => name !== 'crypt'))
      assert.ok(!log.includes(password))
  })

  function head(): Promise<string> {
    return runOk('curl', ['-si', '--cacert', rootFile, `https://${DOMAIN}/v2/`])
  }
})
